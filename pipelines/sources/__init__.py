"""One connector per publisher's format; each turns files into tables that keep a contract."""
