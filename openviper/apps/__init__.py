"""The life of an application: setting up, starting and stopping its apps."""
