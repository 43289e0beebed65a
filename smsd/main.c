/* SPDX-License-Identifier: Apache-2.0 */
/* smsd: the management system. Options. */
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/conf/value.h"
#include "smsd/alert/alert.h"
#include "smsd/run.h"

static const char usage[] =
        "usage: smsd --data DIR [--database F] [--listen ADDR:PORT]\n"
        "            [--listen-devices ADDR:PORT]\n"
        "            [--key-file F | --passphrase-file F]\n"
        "            [--new-key-file F | --new-passphrase-file F] [--events-days N]\n"
        "            [--events-gib N] [--user NAME] [--check]\n"
        "       smsd --version | --help\n"
        "\n"
        "Sluice's management system: keeps certificates with their private keys, and serves the\n"
        "API that `sms` uses, over HTTPS.\n"
        "\n"
        "  -d, --data DIR           its data; made at the first start, for its user alone\n"
        "      --database F         keep it in PostgreSQL, by the connection string or URI of "
        "libpq\n"
        "                           in the first line of F, which nobody else may read; keys,\n"
        "                           certificates and the lock stay in DIR (default: SQLite in "
        "DIR)\n"
        "  -l, --listen ADDR:PORT   where to listen (default [::]:8443)\n"
        "      --listen-devices ADDR:PORT  where devices are served, whose certificates are\n"
        "                           smsd's own (default [::]:8444)\n"
        "  -k, --key-file F         the key that private keys are encrypted by, 32 bytes or 64\n"
        "                           hexadecimal digits (default DIR/vault.key, made at the\n"
        "                           first start: move it away from the data)\n"
        "  -p, --passphrase-file F  a passphrase instead, the file's first line\n"
        "      --new-key-file F     from now on the vault opens by this key file, which is made\n"
        "                           when it is not there; serves nothing\n"
        "      --new-passphrase-file F  by this passphrase, the same way\n"
        "      --audit-days N       how long the audit log is kept (default 366)\n"
        "      --audit-rows N       and how much of it (default 1000000, at least 1000)\n"
        "      --events-days N      how long events of devices are kept (default 90)\n"
        "      --events-gib N       and how much of them; 0 is any (default 16): the oldest day\n"
        "                           goes first\n"
        "      --silent-minutes N   how long a device may not call before that is an alert\n"
        "                           (default 5)\n"
        "      --backup TO          copies the database and the events into TO, which is made or\n"
        "                           empty, while another smsd serves; no keys; serves nothing\n"
        "  -u, --user NAME          whom to run as when root starts it (default sluice-sms)\n"
        "  -c, --check              open everything, serve nothing\n"
        "  -V, --version            print the version\n"
        "  -h, --help               print this\n"
        "\n"
        "The first start makes a person `admin` and writes the password into\n"
        "DIR/initial-password, which goes when it is changed, and a certificate for HTTPS into\n"
        "DIR/server.crt and server.key, whose place your own may take. Signals: TERM, INT end it\n"
        "when all requests have their answer.\n"
        "Exit status: 0 ok, 1 failed, 2 usage, 3 data, key or certificate refused, 4 privilege or\n"
        "kernel feature missing, 5 already running.\n";

/* Options without a letter. */
enum {
	NEW_KEY_FILE = 256,
	NEW_PASSPHRASE_FILE,
	LISTEN_DEVICES,
	KEPT_DAYS,
	KEPT_ROWS,
	EVENTS_DAYS,
	EVENTS_GIB,
	SILENT_MINUTES,
	DATABASE,
	BACKUP
};

static const struct option long_options[] = {
        {"data", required_argument, NULL, 'd'},
        {"database", required_argument, NULL, DATABASE},
        {"backup", required_argument, NULL, BACKUP},
        {"listen", required_argument, NULL, 'l'},
        {"listen-devices", required_argument, NULL, LISTEN_DEVICES},
        {"key-file", required_argument, NULL, 'k'},
        {"passphrase-file", required_argument, NULL, 'p'},
        {"new-key-file", required_argument, NULL, NEW_KEY_FILE},
        {"new-passphrase-file", required_argument, NULL, NEW_PASSPHRASE_FILE},
        {"audit-days", required_argument, NULL, KEPT_DAYS},
        {"audit-rows", required_argument, NULL, KEPT_ROWS},
        {"events-days", required_argument, NULL, EVENTS_DAYS},
        {"events-gib", required_argument, NULL, EVENTS_GIB},
        {"silent-minutes", required_argument, NULL, SILENT_MINUTES},
        {"user", required_argument, NULL, 'u'},
        {"check", no_argument, NULL, 'c'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
};

static int usage_error(const char *text, const char *value)
{
	(void)fprintf(stderr, "smsd: %s%s\nTry 'smsd --help'.\n", text, value);
	return RUN_USAGE;
}

/* "[::]:8443", "127.0.0.1:8443", "192.0.2.1". */
static bool parse_listen(const char *text, char address[RUN_ADDRESS_MAX], uint16_t *port)
{
	const char *end = text[0] == '[' ? strchr(text, ']') : strchrnul(text, ':');
	const char *from = text[0] == '[' ? text + 1 : text;
	const char *at = end ? end + (*end == ']') : "";
	char *rest;
	unsigned long number = *port;

	if (!end || end == from || end - from >= RUN_ADDRESS_MAX || (*at && *at != ':'))
		return false;
	if (*at) {
		number = strtoul(at + 1, &rest, 10);
		if (at[1] < '0' || at[1] > '9' || *rest || number > UINT16_MAX)
			return false;
	}
	memcpy(address, from, (size_t)(end - from));
	address[end - from] = '\0';
	*port = (uint16_t)number;
	return true;
}

static bool parse_number(const char *text, unsigned min, unsigned max, unsigned *ret_number)
{
	uint64_t number;

	if (value_parse_uint(text, &number) != 0 || number < min || number > max)
		return false;
	*ret_number = (unsigned)number;
	return true;
}

/* ---- options by what they take -------------------------------------------------------------- */

enum { GO_ON = -1 }; /* no exit status: the next option */

static const struct {
	int option;
	size_t at; /* of a const char * in struct run_options */
} texts[] = {
        {'d', offsetof(struct run_options, data)},
        {'k', offsetof(struct run_options, key_file)},
        {'p', offsetof(struct run_options, passphrase_file)},
        {'u', offsetof(struct run_options, user)},
        {BACKUP, offsetof(struct run_options, backup)},
        {DATABASE, offsetof(struct run_options, database_file)},
        {NEW_KEY_FILE, offsetof(struct run_options, new_key_file)},
        {NEW_PASSPHRASE_FILE, offsetof(struct run_options, new_passphrase_file)},
};

static const struct {
	int option;
	unsigned min, max;
	size_t at; /* of an unsigned in struct run_options */
	const char *of;
} numbers[] = {
        {KEPT_DAYS, 1, AUDIT_DAYS_MAX, offsetof(struct run_options, audit.days), "days"},
        {KEPT_ROWS, AUDIT_ROWS_MIN, AUDIT_ROWS_MAX, offsetof(struct run_options, audit.rows),
         "rows"},
        {EVENTS_DAYS, 1, RUN_EVENTS_DAYS_MAX, offsetof(struct run_options, events_days), "days"},
        {EVENTS_GIB, 0, RUN_EVENTS_GIB_MAX, offsetof(struct run_options, events_gib), "GiB"},
        {SILENT_MINUTES, 1, ALERT_SILENT_MINUTES_MAX, offsetof(struct run_options, silent_minutes),
         "minutes"},
};

static int take_listen(const char *value, char address[RUN_ADDRESS_MAX], uint16_t *port)
{
	return parse_listen(value, address, port) ? GO_ON
	                                          : usage_error("not an address and port: ", value);
}

static int take_number(size_t i, const char *value, struct run_options *options)
{
	char text[32];

	if (parse_number(value, numbers[i].min, numbers[i].max,
	                 (unsigned *)(void *)((char *)options + numbers[i].at)))
		return GO_ON;
	(void)snprintf(text, sizeof(text), "not a number of %s: ", numbers[i].of);
	return usage_error(text, value);
}

/* GO_ON, or the exit status. */
static int take(int c, const char *value, struct run_options *options)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++) {
		if (texts[i].option == c) {
			*(const char **)(void *)((char *)options + texts[i].at) = value;
			return GO_ON;
		}
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(numbers); i++)
		if (numbers[i].option == c)
			return take_number(i, value, options);
	switch (c) {
	case 'l':
		return take_listen(value, options->address, &options->port);
	case LISTEN_DEVICES:
		return take_listen(value, options->devices_address, &options->devices_port);
	case 'c':
		options->check = true;
		return GO_ON;
	case 'V':
		(void)printf("smsd %s\n", SLUICE_VERSION);
		return RUN_OK;
	case 'h':
		(void)fputs(usage, stdout);
		return RUN_OK;
	default:
		return usage_error("see the usage", "");
	}
}

static int run_if_right(const struct run_options *options)
{
	if (!options->data)
		return usage_error("name the data directory with --data", "");
	if (options->key_file && options->passphrase_file)
		return usage_error("--key-file or --passphrase-file, not both", "");
	if (options->new_key_file && options->new_passphrase_file)
		return usage_error("--new-key-file or --new-passphrase-file, not both", "");
	if (options->backup &&
	    (options->new_key_file || options->new_passphrase_file || options->check))
		return usage_error("--backup does nothing else", "");
	return run(options);
}

int main(int argc, char **argv)
{
	struct run_options options = {.address = "::",
	                              .port = RUN_PORT,
	                              .devices_address = "::",
	                              .devices_port = RUN_DEVICES_PORT,
	                              .audit = {.days = AUDIT_DAYS, .rows = AUDIT_ROWS},
	                              .events_days = RUN_EVENTS_DAYS,
	                              .events_gib = RUN_EVENTS_GIB,
	                              .silent_minutes = ALERT_SILENT_MINUTES};
	int c, status = GO_ON;

	log_open("smsd", LOG_LEVEL_INFO);
	while (status == GO_ON &&
	       (c = getopt_long(argc, argv, "d:l:k:p:u:cVh", long_options, NULL)) != -1)
		status = take(c, optarg, &options);
	if (status != GO_ON)
		return status;
	if (optind < argc)
		return usage_error("unexpected argument: ", argv[optind]);
	return run_if_right(&options);
}
