"""What tests of Kaname and of its plug-ins build on: contract-test classes and ready-made parts."""
