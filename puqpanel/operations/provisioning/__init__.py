"""Services, requests to modules, settlement and package changes."""
