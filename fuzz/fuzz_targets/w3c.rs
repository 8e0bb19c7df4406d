#![no_main]

afw_fuzz::grammar!(W3c);
