"""Tables and figures about models of events; every module here is one."""
