"""Tables and figures about models of ratings; every module here is one."""
