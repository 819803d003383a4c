"""The app in a browser: a small HTTP server, the one page that it gives, and the app that runs behind it."""
