#include "base/redact.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace loadgen;

namespace {

struct Shown {
  std::string address;
  std::string redacted;
};

// Addresses whose password contains SECRET and nothing else does.
void check_hides(std::string_view address) {
  CAPTURE(address);
  const std::string shown = redact(address);
  CAPTURE(shown);
  CHECK(shown.find("SECRET") == std::string::npos);
  CHECK(shown.find("***") != std::string::npos);
}

bool has(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

TEST_CASE("redact: a password becomes three stars and the rest stays as it was") {
  const Shown cases[] = {
      {"postgres://user:pw@host/db", "postgres://user:***@host/db"},
      {"postgresql://user:pw@host:5432/db?sslmode=require",
       "postgresql://user:***@host:5432/db?sslmode=require"},
      {"postgres://:pw@host/db", "postgres://:***@host/db"},
      {"postgres://user:pw@h1:1,h2:2/db", "postgres://user:***@h1:1,h2:2/db"},
      {"postgres://user:pw@[::1]:5432/db", "postgres://user:***@[::1]:5432/db"},
      {"postgres://user:p%40w@host/db", "postgres://user:***@host/db"},
      {"postgres://user:p:w@host/db", "postgres://user:***@host/db"},
      {"postgres://user:p@w@host/db", "postgres://user:***@host/db"},
      {"postgres://user:p/w@host/db", "postgres://user:***@host/db"},
      {"postgres://user:p?w@host/db", "postgres://user:***@host/db"},
      {"postgres://host/db?password=pw", "postgres://host/db?password=***"},
      {"postgres://host/db?user=u&password=pw&sslmode=require",
       "postgres://host/db?user=u&password=***&sslmode=require"},
      {"postgres://host/db?sslpassword=pw", "postgres://host/db?sslpassword=***"},
      {"postgres://user:one@host/db?password=two", "postgres://user:***@host/db?password=***"},
      {"postgres:///db?host=/run&password=pw", "postgres:///db?host=/run&password=***"},
      {"host=h password=pw dbname=d", "host=h password=*** dbname=d"},
      {"password=pw", "password=***"},
      {"host=h PassWord=pw", "host=h PassWord=***"},
      {"host=h  password = pw  dbname=d", "host=h  password = ***  dbname=d"},
      {"password='p w' dbname=d", "password='***' dbname=d"},
      {"password='p\\'w' dbname=d", "password='***' dbname=d"},
      {"password='p\\\\' dbname=d", "password='***' dbname=d"},
      {"password=p\\ w dbname=d", "password=*** dbname=d"},
      {"password=p'w dbname=d", "password=*** dbname=d"},
      {"password=p=w dbname=d", "password=*** dbname=d"},
      {"password=p@w:/ dbname=d", "password=*** dbname=d"},
      {"sslpassword=one password=two", "sslpassword=*** password=***"},
      {"password='pw' passfile=/x", "password='***' passfile=/x"},
      {"dbname=d\tpassword=pw\nhost=h", "dbname=d\tpassword=***\nhost=h"},
  };
  for (const Shown& c : cases) {
    CAPTURE(c.address);
    CHECK(redact(c.address) == c.redacted);
  }
}

TEST_CASE("redact: what holds no password is shown as it is") {
  for (const std::string_view address :
       {"", "sqlite:messages.db", "sqlite:/data/a b/x.db", "sqlite:a:b@c.db",
        "null:", "postgres://host/db", "postgres://user@host:5432/db?sslmode=require",
        "postgres://user@/db?host=/run/postgresql", "postgres://h1:1,h2:2/db",
        "postgres://h/db?passfile=/home/u/.pgpass", "host=h user=u dbname=d",
        "host=h passfile=/home/u/.pgpass", "host=h passfile = '/home/u/my pass' user=u",
        "application_name=password host=h", "host='a b' user='it\\'s'"}) {
    CAPTURE(address);
    CHECK(redact(address) == address);
  }
}

TEST_CASE("redact: a password with the address's own punctuation is hidden to its end") {
  for (const std::string_view address : {
           "postgres://user:SECRET@SECRET@host/db",
           "postgres://user:a?b@SECRET@host/db",
           "postgres://user:a/b?c&d@SECRET@host/db",
           "postgres://host/db?password=a@SECRET",
           "postgres://user@host/db?password=a@SECRET",
           "postgres://user@host:5432/db?password=SECRET@SECRET",
           "postgres://user@host:5432/db?application_name=a@b&password=SECRET",
           "postgres://host/db?password=a?SECRET",
           "postgres://host/db?password=a:SECRET&user=u",
           "postgres://host/db?password=a&SECRET",
           "postgres://host/db?password=a&SECRET&=SECRET&&user=u",
           "postgres://user:a@host/db?password=b@SECRET",
           "password=http://SECRET",
           "host=h password=a://b:SECRET@c dbname=d",
           "host=h password='a b://SECRET' dbname=d",
       }) {
    check_hides(address);
  }
}

TEST_CASE("redact: a keyword that is percent-encoded still names a password") {
  check_hides("postgres://host/db?p%61ssword=SECRET");
  check_hides("postgres://host/db?user=u&%50ASSWORD=SECRET");
}

TEST_CASE("redact: of a malformed address too much is hidden rather than too little") {
  for (const std::string_view address : {
           "postgre://user:SECRET@host",
           "mysql://user:SECRET@host/db",
           "://user:SECRET@host",
           "postgres:/user:SECRET@host/db",
           "postgres:user:SECRET@host/db",
           "postgres//user:SECRET@host/db",
           "user:SECRET@host",
           "host=h password='SECRET",
           "host=h password='a SECRET dbname=d",
           "host=h, password=SECRET",
           "stray password=SECRET",
           "PGPASSWORD=SECRET host=h",
           "password=SECRET\\",
           "host= password=SECRET",
           "host=h user= password = 'a SECRET' dbname=d",
           "host='h password=SECRET dbname=d",
           "host='h password='a SECRET' dbname=d",
           "host=a\\ password=SECRET",
           "host:h password='a&SECRET'",
       }) {
    check_hides(address);
  }
}

TEST_CASE("redact: whatever the password is made of, nothing of it is shown") {
  std::mt19937_64 random(42);
  const std::string_view parts[] = {"SECRET", "@",  ":", "/",  "?", "&", "=",   "#",       "%",
                                    "'",      "\"", " ", "\\", "+", "{", "://", "password"};
  const auto escaped = [](std::string_view text) {
    std::string quoted;
    for (const char c : text)
      quoted += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string{c};
    return quoted;
  };
  const auto encoded = [](std::string_view text) {
    std::string coded;
    for (const char c : text) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      coded += plain ? std::string{c} : fmt::format("%{:02X}", c);
    }
    return coded;
  };
  for (int round = 0; round < 500; ++round) {
    std::string password = "SECRET";
    for (std::uint64_t n = random() % 6; n > 0; --n) password += parts[random() % std::size(parts)];
    const std::string in_query =
        "postgres://user@host:5432/db?user=u&password=" + encoded(password);
    const std::string in_quotes = "user='it\\'s' password = '" + escaped(password) + "' dbname=d";
    check_hides("postgres://user:" + password + "@host:5432/db?sslmode=require");
    check_hides("postgres://user:" + encoded(password) + "@host/db?application_name=a@b");
    check_hides(in_query);
    check_hides(in_query + "&application_name=a@b&sslmode=require");
    check_hides(in_quotes);
    check_hides("host=/run application_name='a://b@c' password='" + escaped(password) + "'");
    CAPTURE(password);
    CHECK(has(secrets_in("postgres://user:" + encoded(password) + "@host/db"), password));
    CHECK(has(secrets_in(in_query), password));
    CHECK(has(secrets_in(in_quotes), password));
  }
}

TEST_CASE("redact: an empty password is no reason to fail") {
  CHECK(redact("postgres://user:@host/db") == "postgres://user:***@host/db");
  CHECK(redact("password=") == "password=***");
  CHECK(redact("password='' dbname=d") == "password='***' dbname=d");
  CHECK(redact("password") == "password");
  CHECK(redact("postgres://") == "postgres://");
  CHECK(redact("=") == "=");
}

TEST_CASE("secrets: each password of an address, as written and decoded") {
  CHECK(secrets_in("postgres://user:pw@host/db") == std::vector<std::string>{"pw"});
  const auto both = secrets_in("postgres://user:p%40w%2Fx@host/db");
  CHECK(both.size() == 2);
  CHECK(has(both, "p%40w%2Fx"));
  CHECK(has(both, "p@w/x"));
  const auto two = secrets_in("postgres://user:one@host/db?password=two");
  CHECK(two.size() == 2);
  CHECK(has(two, "one"));
  CHECK(has(two, "two"));
  CHECK(has(secrets_in("host=h password='p w' sslpassword=x"), "p w"));
  CHECK(has(secrets_in("host=h password='p w' sslpassword=x"), "x"));
}

TEST_CASE("secrets: an escape of a keyword string is undone, as the driver does") {
  CHECK(has(secrets_in("password='it\\'s' host=h"), "it's"));
  CHECK(has(secrets_in("password=a\\ b host=h"), "a b"));
}

TEST_CASE("secrets: a '@' in a query password does not tear it apart") {
  CHECK(has(secrets_in("postgres://user@host:5432/db?password=a@b"), "a@b"));
}

TEST_CASE("secrets: percent signs that encode nothing stay") {
  CHECK(secrets_in("postgres://u:100%@h/d") == std::vector<std::string>{"100%"});
  CHECK(secrets_in("postgres://u:a%4@h/d") == std::vector<std::string>{"a%4"});
  CHECK(secrets_in("postgres://u:a%zz@h/d") == std::vector<std::string>{"a%zz"});
}

TEST_CASE("secrets: none where there is no password, or an empty one") {
  for (const std::string_view address :
       {"", "sqlite:messages.db", "null:", "postgres://user@host/db", "postgres://user:@host/db",
        "host=h password='' user=u", "host=h password=", "host=h passfile=/x"}) {
    CAPTURE(address);
    CHECK(secrets_in(address).empty());
  }
}

TEST_CASE("secrets: the pieces of a password that a driver may take for a host or a port") {
  const auto secrets = secrets_in("postgres://user:hunter/two@rabbit:9@host/db");
  CHECK(has(secrets, "hunter/two@rabbit:9"));
  CHECK(has(secrets, "hunter"));
  CHECK(has(secrets, "rabbit"));
  CHECK_FALSE(has(secrets, "two"));  // too short: it would blot out innocent words
  CHECK_FALSE(has(secrets, "9"));
}

TEST_CASE("printable: newlines and control characters cannot break a line") {
  CHECK(printable("one\ntwo") == "one; two");
  CHECK(printable("a\tb") == "a b");
  CHECK(printable("\x1b[31mred\r") == "?[31mred?");
  CHECK(printable(std::string("a\0b", 3)) == "a?b");
  CHECK(printable("a\x7f") == "a?");
  CHECK(printable("") == "");
  CHECK(printable("schön 表") == "schön 表");
  for (int c = 0; c < 0x20; ++c) {
    const std::string line = printable("a" + std::string(1, static_cast<char>(c)) + "b");
    CAPTURE(c);
    CHECK(std::all_of(line.begin(), line.end(), [](char x) { return x >= 0x20; }));
  }
}

TEST_CASE("printable: neither Unicode's controls nor marks of direction reach a terminal") {
  CHECK(printable("a\u009b31mb") == "a?31mb");
  for (const std::string hidden : {"\u0080", "\u0085", "\u009f", "\u061c", "\u200e", "\u200f",
                                   "\u2028", "\u2029", "\u202a", "\u202e", "\u2066", "\u2069"}) {
    CAPTURE(hidden);
    CHECK(printable("a" + hidden + "b") == "a?b");
    CHECK(printable(hidden) == "?");
  }
  // Their neighbours are shown, and what is cut off or is no UTF-8 does no harm.
  for (const std::string shown : {"\u00a0", "\u061b", "\u061d", "\u200d", "\u2010", "\u2027",
                                  "\u202f", "\u2065", "\u206a", "\xc2", "\xe2\x80", "\xff"}) {
    CAPTURE(shown);
    CHECK(printable(shown) == shown);
  }
}

TEST_CASE("redact: a password with blanks and without the quotes it needs is hidden to its end") {
  const Shown cases[] = {
      {"password=top secret", "password=***"},
      {"password=top secret host=h", "password=*** host=h"},
      {"host=h password=a very  top secret dbname = d", "host=h password=*** dbname = d"},
      {"password='top' secret host=h", "password='*** host=h"},
      {"password = top secret", "password = ***"},
  };
  for (const Shown& c : cases) {
    CAPTURE(c.address);
    CHECK(redact(c.address) == c.redacted);
  }
}

TEST_CASE("hint: a password in a URL whose punctuation is not percent-encoded") {
  for (const std::string_view address :
       {"postgres://u:a@b@host/db", "postgres://u:a/b@host/db", "postgresql://u:a%zz@host/db",
        "postgres://u:a#b@host/db", "postgres://u:a:b@host/db", "postgres://h/d?password=a@b"}) {
    CAPTURE(address);
    CHECK(password_hint(address).find("%40") != std::string::npos);
  }
  for (const std::string_view address :
       {"postgres://u:a%40b%25c@host/db", "postgres://u@host/db", "postgres://host:5432/db?user=u",
        "password=a@b host=h", "host=h password='a://b'", "sqlite:a:b@c", "x"}) {
    CAPTURE(address);
    CHECK(password_hint(address).empty());
  }
}

TEST_CASE("printable: blanks at the ends are part of the text") {
  CHECK(printable(" 5 ") == " 5 ");
  CHECK(printable("5\n") == "5; ");
}

TEST_CASE("one_line: a driver's message without its last newline, printable") {
  CHECK(one_line("ERROR:  no\nDETAIL:  why\n") == "ERROR:  no; DETAIL:  why");
  CHECK(one_line("a\n\n") == "a");
  CHECK(one_line("\x1b[31mred \n") == "?[31mred");
  CHECK(one_line("") == "");
  CHECK(one_line("\n \t\n") == "");
}

TEST_CASE("one_line: every secret is replaced wherever it stands") {
  CHECK(one_line("pw and pw", {"pw"}) == "*** and ***");
  CHECK(one_line("pwpw", {"pw"}) == "******");
  CHECK(one_line("one two", {"one", "two"}) == "*** ***");
  CHECK(one_line("nothing here", {"pw"}) == "nothing here");
  CHECK(one_line("a * b", {"*"}) == "a *** b");  // ends, though the stars contain it
}

TEST_CASE("one_line: a secret that begins another one does not uncover its rest") {
  CHECK(one_line("login with hunter22", {"hunter", "hunter22"}) == "login with ***");
}

TEST_CASE("one_line: secrets that overlap are all hidden, whichever is longer") {
  CHECK(one_line("login with SECRET=hunter2 failed", {"SECRET=", "=hunter2"}) ==
        "login with *** failed");
  CHECK(one_line("aSECRETaSECRETa", {"aSECRETa"}) == "***");
}

TEST_CASE("one_line: a secret is found before white space is tidied away") {
  CHECK(one_line("a\nb", {"a\nb"}) == "***");
  CHECK(one_line("password is pw ", {"pw "}) == "password is ***");
  CHECK(one_line("password is p\tw", {"p\tw"}) == "password is ***");
}

TEST_CASE("redact: a password in quotes is a secret on its own, whatever follows them") {
  const std::string address = "user=u password = 'pcAnArYw' host/db";
  CHECK(redact(address).find("cAnArY") == std::string::npos);
  CHECK(one_line("no such user pcAnArYwhost/db", secrets_in(address)).find("cAnArY") ==
        std::string::npos);
}
