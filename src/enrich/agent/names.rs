//! Names by which programs introduce themselves.
//!
//! Source: product tokens that programs and operators publicly use of themselves, compiled by hand in 2026-11 and
//! measured against labelled user agents; no list was copied. A name that could also be a device's or a person's is
//! left out.

use super::super::AgentType::{
    self, AiCrawler, App, Browser, Crawler, Feed, Headless, Monitoring, Preview, Scanner, Script,
};

/// A name and what bears it.
pub(super) struct Name {
    pub(super) text: &'static str,
    pub(super) kind: AgentType,
    pub(super) place: Place,
}

/// Where a name must stand in the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Neither letter nor digit on either side.
    Word,
    /// Neither letter nor digit before it.
    Head,
    /// The first thing in the text.
    Start,
    /// The first thing in the text, and hardly more behind it than a version: no device, no system.
    Alone,
    /// Anywhere.
    Any,
}
use Place::{Alone, Any, Head, Start, Word};

/// Which kind wins when a text holds names of several: the higher. A tool that hides behind a crawler's name is a
/// tool; a library that an application uses is the application's.
pub(super) const fn weight(kind: AgentType) -> u8 {
    match kind {
        Scanner => 10,
        AiCrawler => 9,
        Preview => 8,
        Feed => 7,
        Monitoring => 6,
        Crawler => 5,
        Headless => 4,
        Browser => 3,
        Script => 2,
        App => 1,
        AgentType::Unknown => 0,
    }
}

const fn row(kind: AgentType, place: Place, text: &'static str) -> Name {
    Name { text, kind, place }
}

macro_rules! names {
    ($($kind:ident $place:ident: $($text:literal)*;)*) => {
        /// Every name.
        pub(super) const NAMES: &[Name] = &[$($(row($kind, $place, $text),)*)*];
    };
}

names! {
    // Attack and scanning tools, and services that scan the internet.
    Scanner Head: "sqlmap" "nikto" "nuclei" "projectdiscovery" "nmap" "masscan" "zgrab" "zmap" "gobuster" "dirbuster"
        "dirsearch" "feroxbuster" "ffuf" "wfuzz" "wpscan" "joomscan" "droopescan" "acunetix" "netsparker" "invicti"
        "w3af" "arachni" "skipfish" "openvas" "greenbone" "nessus" "qualys" "whatweb" "commix" "xsser" "jaeles"
        "jorgee" "zmeu" "morfeus" "muieblackcat" "l9tcpid" "l9explore" "l9scan" "leakix" "censys" "shodan" "expanse"
        "xpanse" "netsystemsresearch" "internetmeasurement" "internet-measurement" "binaryedge" "criminalip" "onyphe"
        "fofa" "zoomeye" "stretchoid" "detectify" "probely" "tenable" "rapid7" "appscan" "webinspect" "n-stealth"
        "paros" "zaproxy" "havij" "bsqlbf" "sqlninja" "webshag" "grendel-scan" "uniscan" "golismero" "sslyze"
        "testssl" "ssllabs" "hardenize" "virustotal" "wpsec" "patrowl" "gowitness" "aquatone" "eyewitness" "subjs"
        "hakrawler" "gospider" "vulmap" "pocsuite" "xsstrike" "dalfox" "fimap" "openbullet" "silverbullet" "sentrymba"
        "binlar" "watchtowr" "assetnote" "cyberscan" "runzero" "intruder.io" "securitytrails" "recordedfuture"
        "spiderfoot" "recon-ng" "theharvester" "metasploit" "beef-xss" "brutus" "whisker" "crowbar" "patator"
        "punkmap" "ivre-" "arjun" "cloudmapper" "wappalyzer" "webtech" "cmseek" "cmsmap" "vbscan"
        "wapiti" "vega/" "ratproxy" "webscarab" "httprint" "dotdotpwn" "thc-hydra" "sn1per" "osmedeus" "reconftw";
    Scanner Any: "fuzz faster u fool" "burpcollaborator" "burpsuite" "burp suite" "oastify" "${jndi" "web vulnerability"
        "httpx - open-source project" "owasp zap" "owasp_zap" "ssl labs" "securityheaders" "security headers"
        "palo alto networks" "security.txt" "censysinspect" "internet-census" "odin.io" "bitdiscovery"
        "linkfinder" "mozilla/5.0 (hydra" "load_file(" "select+" "union+" "sleep(" "dcv/1." "webtotem" "wtotem" "vaultpress"
        "virus total" "kaspersky lab cfr" "cert.pl" "csirt" "cert-bund" "shadowserver" "abuse.";
    Scanner Word: "dirb" "burp" "oast" "oast.fun" "oast.online" "oast.pro" "oast.live" "oast.site" "oast.me" "hydra"
        "zap" "xray" "goby" "interactsh" "interact.sh" "jndi" "vega" "fuzzer" "pentest" "exploit" "havoc"
        "naabu" "amass" "medusa" "ncrack" "slowloris" "goldeneye" "wvs";

    // Crawlers that collect for language models, and their users' fetchers.
    AiCrawler Head: "gptbot" "chatgpt" "oai-searchbot" "claudebot" "claude-" "anthropic" "perplexity" "ccbot" "bytespider"
        "tiktokspider" "applebot-extended" "google-extended" "google-cloudvertexbot" "cloudvertexbot" "cohere-"
        "diffbot" "duckassistbot" "facebookbot" "meta-external" "meta-webindexer" "mistralai" "deepseek" "grokbot"
        "xai-" "youbot" "omgili" "webzio" "imagesiftbot" "img2dataset" "ai2bot" "iaskspider" "iaskbot"
        "kangaroo bot" "firecrawl" "crawl4ai" "panscient" "quillbot" "sidetrade" "timpibot" "velenpublicwebcrawler"
        "cotoyogi" "andibot" "bedrockbot" "amazon-bedrock" "brightbot" "aihitbot" "devin" "novaact" "novellum"
        "factset_spyderbot" "friendlycrawler" "linerbot" "phindbot" "poseidon research" "sbintuitionsbot" "shapbot"
        "thinkbot" "pangubot" "tongyibot" "yiyanbot" "qwenbot" "doubao" "klaviyoaibot" "laion" "mycentralaiscraperbot"
        "google-notebooklm" "gemini-deep-research" "googleagent" "google-agent" "kagi-fetcher" "linkupbot" "tavily"
        "exabot-ai" "buddybot" "channel3bot" "cragcrawler" "awario" "bigsur.ai" "chatglm" "manus-user" "quora-bot"
        "wardbot" "wrtnbot" "zanistabot" "terracotta" "openai" "huggingface" "langchain" "llamaindex" "icc-crawler"
        "imagespider" "twinagent" "apifybot" "isscyberriskcrawler" "turnitin" "amazonbot" "amzn-searchbot" "amzn-user"
        "semrushbot-ocob" "semrushbot-swa" "yandexadditional" "petalbot-ai" "spawning-ai";
    AiCrawler Word: "ai2bot-dolma" "agentic" "llm" "aibot" "ai-bot" "ai_bot" "ai-crawler" "bot-ai" "genai" "newsai";

    // Fetchers of link previews.
    Preview Head: "facebookexternalhit" "facebookcatalog" "facebot" "twitterbot" "linkedinbot" "slackbot" "slack-imgproxy"
        "discordbot" "telegrambot" "skypeuripreview" "pinterestbot" "redditbot" "vkshare" "embedly" "iframely"
        "bingpreview" "google-pagerenderer" "mastodon" "pleroma" "misskey" "cardyb" "xing-contenttabreceiver"
        "kakaotalk-scrap" "snap url preview" "bitlybot" "tumblr" "viberurldownloader" "nuzzel" "outbrain" "flipboardproxy";
    Preview Alone: "whatsapp/";
    Preview Any: "preview" "unfurl" "oembed" "opengraph" "imgproxy" "synapse (bot";

    // Feed readers.
    Feed Head: "feedly" "feedfetcher" "feedbin" "inoreader" "newsblur" "freshrss" "miniflux" "netnewswire" "liferea"
        "rssowl" "feedburner" "simplepie" "magpierss" "universalfeedparser" "feedparser" "netvibes" "bazqux" "akregator"
        "quiterss" "windows-rss-platform" "tiny tiny rss" "newsgator" "bloglines" "theoldreader" "readkit" "feeddemon"
        "newsfire" "feedspot" "feedwind" "fluent reader" "commafeed" "selfoss" "rawdog" "superfeedr" "granary";
    Feed Any: "feed fetcher" "feed parser" "feed reader" "feedreader" "rssreader" "rss reader" "rssbot" "subscribers";
    Feed Word: "rss" "atom feed" "feedbot";

    // Uptime, performance and quality checks.
    Monitoring Head: "uptimerobot" "pingdom" "statuscake" "site24x7" "better uptime" "better stack" "betterstack"
        "uptime-kuma" "uptime" "hetrixtools" "freshping" "updown.io" "nodeping" "check_http" "monitis" "zabbix" "nagios"
        "icinga" "kube-probe" "googlehc" "googlestackdriver" "elb-healthchecker" "amazon-route53-health" "consul health"
        "datadog" "newrelic" "new relic" "catchpoint" "dynatrace" "ruxit" "sentry/" "prometheus" "blackbox-exporter"
        "blackbox exporter" "chrome-lighthouse" "gtmetrix" "speedcurve" "cloudflare-healthchecks"
        "cloudflare-traffic-manager" "cron-job.org" "cronitor" "checkly" "montastic" "jetmon" "w3c_validator"
        "w3c-checklink" "w3c-mobileok" "xenu link" "haproxy" "varnish-probe" "wormly" "alertra" "hostmonitor" "ptst/"
        "siteimprove" "onlineornot" "downnotifier" "uptimia" "elastic/synthetics" "elastic-heartbeat" "google page speed"
        "pagespeed" "yellowlab" "linkchecker" "wordpress.com; uptime" "request metrics" "sitebulb" "cloudflare-ssldetector";
    Monitoring Any: "monitor" "healthcheck" "health-check" "health check" "statuspage" "linkcheck" "link check"
        "link-check" "ping.com" "pinger" "validator";

    // Crawlers without a word that says so.
    Crawler Head: "adsbot-google" "mediapartners-google" "apis-google" "google-inspectiontool" "googleother"
        "storebot-google" "google-read-aloud" "google-site-verification" "google-adstxt" "googleproducer" "google favicon" "google-" "googleprober" "bingbot" "adidxbot"
        "msnbot" "yahoo! slurp" "slurp" "baidu-" "heritrix" "nutch" "ia_archiver" "archive.org" "siteexplorer"
        "screaming frog" "domaintools" "netcraft" "builtwith" "ezooms" "teoma" "ahrefs" "semrush" "majestic" "moz.com"
        "dataprovider" "mj12" "megaindex" "sistrix" "seokicks" "yandex.com/bots" "exabot" "gigabot" "yisou"
        "360spider" "htdig" "mnogosearch" "grapeshot" "admantx" "proximic" "criteo" "ias-" "trendiction" "brandwatch"
        "magpie-crawler" "netestate" "linkdex" "tineye" "copyscape" "plagiarism" "appengine-google" "google-http-test"
        "biglotron" "lyonl" "iubenda" "renovate" "dependabot";
    // Browsers driven by programs.
    Headless Head: "headlesschrome" "headless" "phantomjs" "slimerjs" "casperjs" "puppeteer" "playwright" "selenium"
        "webdriver" "cypress" "zombie.js" "jsdom" "htmlunit" "browserless" "rendertron" "prerender" "ghost inspector"
        "testlocally" "anchor browser" "testcafe" "nightmarejs" "chromedriver" "geckodriver" "browserstack"
        "sauce labs" "lambdatest" "pa11y" "splash version" "trifleJS" "htmlcs" "envjs" "wkhtmlto" "browserbase"
        "browser-use" "stagehand" "agentcore-browser" "steel browser" "hyperbrowser" "undetected";

    // Libraries and command-line clients.
    Script Head: "curl" "libcurl" "pycurl" "rcurl" "php-curl" "wget" "python" "aiohttp" "httpx" "urllib" "libwww"
        "lwp" "perl" "www-mechanize" "mechanize" "ruby" "java/" "java1." "jakarta" "apache-httpclient"
        "apache-httpasyncclient" "commons-httpclient" "go-http-client" "go http package" "go-resty" "resty" "guzzle"
        "php/" "php-" "php5" "php7" "php8" "pear http" "node-fetch" "node.js" "node/" "axios" "got (" "got/" "superagent"
        "undici" "deno/" "bun/" "request-promise" "requests-" "postman" "insomnia/" "httpie" "http.rb" "faraday" "typhoeus"
        "excon" "restsharp" "rest-client" "restclient" "rest::client" "winhttp" "powershell" "windowspowershell"
        "microsoft url control" "msxml" "xmlhttp" "cpp-httplib" "cpprestsdk" "reqwest" "hyper/" "hyper-rs" "ureq"
        "isahc" "attohttpc" "fasthttp" "colly" "scrapy" "jsoup" "unirest" "jersey" "vert.x-webclient" "akka-http" "pekko-http"
        "spray-can" "scalaj" "finagle" "hackney" "httpoison" "http-kit" "clj-http" "babashka" "dart/" "dart:io"
        "nscurl" "urlgrabber" "libdnf" "debian apt" "apt-http" "apk-tools" "zypp" "git/" "svn/" "mercurial/" "pip/"
        "npm/" "yarn/" "composer/" "bundler/" "rubygems" "cargo " "docker/" "containerd" "buildah" "podman" "skopeo"
        "helm/" "harbor-" "lua-resty" "luasocket" "aria2" "httrack" "webcopier" "teleport" "offline explorer" "webzip"
        "webreaper" "getright" "flashget" "larbin" "crawler4j" "newspaper/" "trafilatura" "phpcrawl" "snoopy"
        "ansible" "terraform" "salesforce" "amazon cloudfront" "gvfs" "davfs" "cadaver" "embarcadero" "indy library"
        "autohotkey" "autoit" "cfschttp" "coldfusion" "tcl http" "httr" "matlab" "http.jl" "http-conduit"
        "swift-nio" "async-http-client" "asynchttpclient" "ahc/" "apachebench" "siege/" "wrk/" "vegeta" "k6/" "jmeter"
        "locust" "loadrunner" "gatling" "artillery" "hey/" "bombardier" "grpc-" "grpc/" "ktor" "retrofit" "feign"
        "reactornetty" "armeria" "jetty/" "jodd" "http4s" "sttp" "treq" "grequests" "twisted" "tornado"
        "eventlet" "gevent" "zeep" "suds" "nusoap" "savon" "symfony" "zend_http" "zend-http" "laminas" "cakephp"
        "codeigniter" "wp-cli" "drush" "drupal (" "joomla" "mandrill" "sendgrid" "twilio" "stripe/" "zapier" "ifttt"
        "google-apps-script" "google-http-java" "google-api" "googleapis" "aws-sdk" "aws-cli" "boto" "azure-" "azsdk"
        "gsutil" "rclone" "s3cmd" "minio" "elasticsearch" "logstash" "fluent-bit" "kubectl" "kubernetes" "tcms-api"
        "bic tracker" "bsrpc" "ipinfoclient" "soap" "webhook" "webclient" "btwebclient" "uri client" "url-client"
        "httpunit" "webkit2png" "libsoup" "libfetch" "fetch libfetch" "w3mir" "lftp" "axel/" "snap-http" "nsq/"
        "poe-component" "anyevent" "furl/" "mojolicious" "dancer" "tiny/" "http-tiny" "http::tiny" "simplehttp"
        "easyhttp" "req/v" "surf/" "zig/" "nim " "nimble" "crystal" "elixir" "mint/" "finch" "gun/"
        "erlang" "ocaml" "cohttp" "haskell" "racket" "guile" "chicken-http" "rapid-http" "winget" "chocolatey"
        "nuget" "msbuild" "maven" "gradle" "sbt/" "ivy/" "coursier" "conda/" "mamba" "poetry/" "uv/" "homebrew" "msray"
        "jaunt" "webharvest" "web-sniffer" "embedphp" "cfnetwork-cli" "download ninja" "download master" "goparser";
    Script Any: "http-client" "httpclient" "http_client" "http client" "http-library" "okhttp" "urlconnection" "http_request"
        "http::request" "http_get" "httpget" "http-java" "pcore-http" "custom-async" "http-lib" "rest client" "api-client"
        "api client" "apiclient" "node-http" "http request" "winhttprequest" "wget";
    Script Start: "requests/";
    Script Word: "sdk" "script" "crawl4j" "perl" "lynx2" "wordpress" "ab/";

    // Browsers outside the usual frame, some of which also name their library.
    Browser Head: "lynx/" "links (" "elinks" "w3m/" "mosaic" "netsurf" "dillo" "ibrowse" "amigavoyager" "browsex"
        "offbyone" "uzbl" "icab" "omniweb" "ncsa_mosaic" "vms_mosaic" "retawq" "edbrowse" "j2me/ucweb";

    // Applications that introduce themselves outside a browser's frame, and web views inside a browser's.
    App Any: "cfnetwork" "dalvik" "; wv)" "[fban" "[fb_iab" "fbav/" "fban/" "micromessenger" "baiduboxapp" "exoplayer"
        "applecoremedia" "libvlc" "electron/" "inapp" "miniapp" "webview" "mobile app" "ios app" "android app"
        "osmeta" "hybrid" "googleapp/" "mozacfetch" "galaxyclient";
    App Head: "instagram" "line/" "gsa/" "qq/" "itunes" "microsoft office" "thunderbird" "outlook" "cronet" "darwin/"
        "watchos" "alamofire" "unityplayer" "windows-update-agent" "microsoft bits" "microsoft-cryptoapi" "stagefright"
        "vlc/" "quicktime" "nsplayer" "xbmc" "kodi" "roku" "snapchat" "twitter for" "pinterest for" "whatsapp"
        "spotify" "tunein" "androiddownloadmanager" "com.google.android" "com.apple." "onedrive" "dropbox" "skype"
        "slack/" "teams/" "zoom" "steam" "epicgames" "valve" "bittorrent" "transmission" "qbittorrent" "utorrent"
        "sonos" "netflix" "hbbtv" "podcast" "audacious" "winamp" "foobar2000" "mpv" "ffmpeg" "lavf/" "gstreamer"
        "musical_ly" "bytedancewebview" "pugpig" "roblox" "lightspeed" "android download" "mail/" "messages/";
}
