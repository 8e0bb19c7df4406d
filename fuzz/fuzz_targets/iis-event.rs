#![no_main]

afw_fuzz::grammar!(IisEvent);
