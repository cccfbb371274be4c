"""The app whose rows the tests move between databases; they also write it into projects of their own."""
