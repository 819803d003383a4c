module ckslab/pause

go 1.24
