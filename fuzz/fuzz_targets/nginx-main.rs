#![no_main]

afw_fuzz::grammar!(NginxMain);
