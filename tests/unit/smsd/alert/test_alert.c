/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts: each raised once and cleared once, an event each time, over restarts too. */
#include "smsd/alert/alert.h"

#include <ftw.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "tests/unit/lib/pki/make.h"
#include "tests/unit/smsd/ingest/lines.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };

struct watch {
	struct place *place;
	struct ingest *ingest;
	struct alerts *alerts;
	char days[80];
	int64_t now_ms;
	uint64_t seq;
};

static void open_rooms(struct watch *w)
{
	struct ingest_options days = {.directory = w->days, .keep_days = 30};
	struct alert_options options = {.silent_minutes = ALERT_SILENT_MINUTES};

	assert_int_equal(ingest_open(w->place->store, &days, &w->ingest, &w->place->problem), 0);
	assert_int_equal(
	        alerts_open(w->place->store, w->ingest, &options, &w->alerts, &w->place->problem),
	        0);
}

static void close_rooms(struct watch *w)
{
	alerts_close(w->alerts);
	ingest_close(w->ingest);
}

static int begin(void **state)
{
	struct watch *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(place_setup((void **)&w->place), 0);
	(void)snprintf(w->days, sizeof(w->days), "%s/events", w->place->directory);
	open_rooms(w);
	w->now_ms = moment_now_ms();
	*state = w;
	return 0;
}

static int drop(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static int end(void **state)
{
	struct watch *w = *state;
	void *place = w->place;

	close_rooms(w);
	(void)nftw(w->days, drop, 4, FTW_DEPTH | FTW_PHYS);
	free(w);
	return place_teardown(&place);
}

static void sql(const struct watch *w, const char *text)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(sqlite3_open(place_path(w->place, "sms.db"), &db), SQLITE_OK);
	(void)sqlite3_busy_timeout(db, 10000);
	(void)sqlite3_exec(db, text, NULL, NULL, &why);
	if (why)
		fail_msg("%s: %s", text, why);
	(void)sqlite3_close(db);
}

static void add_device(const struct watch *w, const char *name, const char *health)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
	               "INSERT INTO device (name, revision, state, comment, health,"
	               " certificate_ends_ms, made_ms, enrolled_ms, seen_ms, wanted)"
	               " VALUES ('%s', 1, 'enrolled', '', '%s', 0, 0, 0, %lld, 0)",
	               name, health, (long long)w->now_ms);
	sql(w, text);
}

/* So many minutes later. */
static void tick(struct watch *w, int64_t minutes)
{
	w->now_ms += minutes * MINUTE_MS;
	assert_int_equal(alerts_tick(w->alerts, w->now_ms), 0);
}

static int add_name(void *arg, int64_t id, json_t *shown)
{
	char *text = arg;
	size_t len = strlen(text);

	(void)id;
	(void)snprintf(text + len, 1024 - len, "%s%s %s", len ? "," : "",
	               json_string_value(json_object_get(shown, "name")),
	               json_string_value(json_object_get(json_object_get(shown, "about"), "name")));
	json_decref(shown);
	return 0;
}

/* "panic box,device_silent other", newest first. */
static const char *listed(const struct watch *w, bool all)
{
	static char text[1024];

	text[0] = '\0';
	assert_int_equal(alerts_list(w->place->store, all, 0, 100, add_name, text), 0);
	return text;
}

static int count_found(void *arg, const struct event_found *found)
{
	(void)found;
	++*(unsigned *)arg;
	return 0;
}

/* Events of the kind whose texts have these words. */
static unsigned told(const struct watch *w, const char *words)
{
	struct event_filter filter = any_filter();
	char at[EVENT_CURSOR_MAX], next[EVENT_CURSOR_MAX] = "";
	unsigned count = 0;

	filter.field[INTAKE_DEVICE] = INGEST_SELF;
	filter.field[INTAKE_KIND] = "sms_alert";
	filter.text = words;
	/* A page may be short, when a search takes long. */
	do {
		(void)snprintf(at, sizeof(at), "%s", next);
		assert_int_equal(event_store_find(ingest_events(w->ingest), &filter, at, 1000,
		                                  count_found, &count, next),
		                 0);
	} while (next[0]);
	return count;
}

/* System events of a device, from number `first` on. */
static int report(struct watch *w, const char *device, uint64_t first, size_t count,
                  const char *const *messages)
{
	struct ingest_batch batch = {.device = device, .epoch = EPOCH, .first = first};
	struct ingest_answer answer;
	struct buf lines;
	int rc;

	buf_init(&lines, 1024 * 1024);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(buf_printf(&lines, "%s\n",
		                            line_of(&(struct shape){.device = device,
		                                                    .epoch = EPOCH,
		                                                    .kind = "system",
		                                                    .message = messages[i],
		                                                    .seq = first + i,
		                                                    .time_ms = w->now_ms})),
		                 0);
	batch.lines = lines.data;
	batch.len = lines.len;
	rc = ingest_take(w->ingest, &batch, &answer, &w->place->problem);
	buf_fini(&lines);
	return rc;
}

static int say(struct watch *w, const char *device, const char *message)
{
	return report(w, device, w->seq++, 1, &message);
}

static void a_device_is_silent_once_and_until_it_calls(void **state)
{
	struct watch *w = *state;
	char text[128];

	add_device(w, "box", "{}");
	tick(w, ALERT_SILENT_MINUTES - 1);
	assert_string_equal(listed(w, false), "");
	tick(w, 1);
	tick(w, 1);
	assert_string_equal(listed(w, false), "device_silent box");
	assert_int_equal(told(w, "raised box"), 1);
	close_rooms(w);
	open_rooms(w);
	tick(w, 1); /* nobody could call while smsd was away: it stays as it is */
	tick(w, ALERT_SILENT_MINUTES);
	assert_string_equal(listed(w, false), "device_silent box");
	assert_int_equal(told(w, "device_silent"), 1);
	(void)snprintf(text, sizeof(text), "UPDATE device SET seen_ms = %lld",
	               (long long)w->now_ms);
	sql(w, text);
	assert_int_equal(alerts_look(w->alerts, "box", w->now_ms), 0);
	assert_string_equal(listed(w, false), "");
	assert_string_equal(listed(w, true), "device_silent box");
	assert_int_equal(told(w, "cleared box"), 1);
	assert_int_equal(told(w, ""), 2);
}

static void a_device_that_inspects_nothing_is_an_alert_of_its_own(void **state)
{
	struct watch *w = *state;

	add_device(w, "a", "{\"inspection\":\"panic\"}");
	add_device(w, "b", "{\"inspection\":\"on\"}");
	add_device(w, "c", "{\"inspection\":\"fallback\"}");
	assert_int_equal(alerts_look(w->alerts, "b", w->now_ms), 0);
	assert_string_equal(listed(w, false), "");
	assert_int_equal(alerts_look(w->alerts, NULL, w->now_ms), 0);
	assert_string_equal(listed(w, false), "panic c,panic a");
	/* A look at one leaves the others. */
	assert_int_equal(alerts_look(w->alerts, "b", w->now_ms), 0);
	sql(w, "UPDATE device SET health = '{\"inspection\":\"on\"}' WHERE name = 'a'");
	assert_int_equal(alerts_look(w->alerts, "a", w->now_ms), 0);
	assert_string_equal(listed(w, false), "panic c");
	/* Who is gone is no alert. */
	sql(w, "DELETE FROM device WHERE name = 'c'");
	assert_int_equal(alerts_look(w->alerts, NULL, w->now_ms), 0);
	assert_string_equal(listed(w, false), "");
	assert_int_equal(told(w, "panic"), 4);
}

static void a_distribution_fails_until_one_is_in_force(void **state)
{
	struct watch *w = *state;

	add_device(w, "box", "{}");
	sql(w, "INSERT INTO distribution (id, who, made_ms, comment, confirm_s, staged, wait_s,"
	       " not_before_ms, ended_ms, stopped) VALUES (1, 'a', 1, '', 0, 0, 0, 0, 1, ''),"
	       " (2, 'a', 1, '', 0, 0, 0, 0, 0, '')");
	sql(w,
	    "INSERT INTO distribution_device (distribution, device, place, state, revision, text,"
	    " items, changed_ms) SELECT 1, id, 0, 'refused', 1, 'no port e0', '[]', 1"
	    " FROM device");
	assert_int_equal(alerts_look(w->alerts, "box", w->now_ms), 0);
	assert_int_equal(alerts_look(w->alerts, "box", w->now_ms), 0);
	assert_string_equal(listed(w, false), "distribution_failed box");
	assert_int_equal(told(w, "raised port e0"), 1);
	sql(w,
	    "INSERT INTO distribution_device (distribution, device, place, state, revision, text,"
	    " items, changed_ms) SELECT 2, id, 0, 'offered', 2, '', '[]', 1 FROM device");
	assert_int_equal(alerts_look(w->alerts, "box", w->now_ms), 0);
	assert_string_equal(listed(w, false), "distribution_failed box");
	sql(w, "UPDATE distribution_device SET state = 'reverted' WHERE distribution = 2");
	assert_int_equal(alerts_look(w->alerts, "box", w->now_ms), 0);
	assert_int_equal(told(w, "raised reverted"), 1);
	sql(w, "UPDATE distribution_device SET state = 'in force' WHERE distribution = 2");
	assert_int_equal(alerts_look(w->alerts, "box", w->now_ms), 0);
	assert_string_equal(listed(w, false), "");
	assert_int_equal(told(w, ""), 3);
}

static long long hash_of(const X509_NAME *name)
{
	return (long long)(X509_NAME_hash_ex(name, NULL, NULL, NULL) & 0xffffffff);
}

/* A certificate as an object of the kind. */
static void put_certificate(const struct watch *w, int64_t id, const char *kind, const char *name,
                            X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char pem[4096], line[8192];
	json_t *body;
	char *text;
	int len;

	assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
	len = BIO_read(bio, pem, sizeof(pem) - 1);
	assert_true(len > 0);
	pem[len] = '\0';
	body = json_pack("{s:s}", "pem", pem);
	text = json_dumps(body, JSON_COMPACT);
	(void)snprintf(line, sizeof(line),
	               "INSERT INTO object (id, kind, name, revision, changed_ms, body)"
	               " VALUES (%lld, '%s', '%s', 1, 1, '%s');"
	               "INSERT INTO object_key (object_id, key_id, sha256, subject, issuer)"
	               " VALUES (%lld, x'00', x'00', %lld, %lld)",
	               (long long)id, kind, name, text, (long long)id,
	               hash_of(X509_get_subject_name(cert)), hash_of(X509_get_issuer_name(cert)));
	sql(w, line);
	free(text);
	json_decref(body);
	BIO_free(bio);
}

/* One that ends then. */
static void add_certificate(const struct watch *w, int64_t id, const char *kind, const char *name,
                            int64_t ends_ms)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	assert_non_null(key);
	assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	(void)ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(ends_ms / 1000 - 1000000));
	(void)ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(ends_ms / 1000));
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	put_certificate(w, id, kind, name, cert);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* No object names an intermediate: certificates that objects name have it in their chains. */
static void a_chain_in_use_that_ends_is_said(void **state)
{
	struct watch *w = *state;
	EVP_PKEY *key = make_ec("P-256"), *middle_key = make_ec("P-256");
	X509 *root = make_ca(key, "Root", NULL, NULL, -1, 400);
	X509 *middle = make_ca(middle_key, "Middle", root, key, -1, 20);
	X509 *leaf = make_cert(key, "web.test", NULL, middle, middle_key, -1, 300);

	put_certificate(w, 1, "ca certificate", "root", root);
	put_certificate(w, 2, "ca certificate", "middle", middle);
	put_certificate(w, 3, "certificate", "web", leaf);
	tick(w, 0);
	assert_string_equal(listed(w, false), "");
	sql(w, "INSERT INTO object_reference (from_id, to_id) VALUES (1, 3)");
	tick(w, 61);
	assert_string_equal(listed(w, false), "certificate_expiry middle");
	sql(w, "DELETE FROM object_reference");
	tick(w, 61);
	assert_string_equal(listed(w, false), "");
	X509_free(leaf);
	X509_free(middle);
	X509_free(root);
	EVP_PKEY_free(middle_key);
	EVP_PKEY_free(key);
}

static void a_certificate_that_ends_is_said_at_each_step(void **state)
{
	struct watch *w = *state;
	const int64_t now = w->now_ms;

	add_certificate(w, 1, "certificate", "web", now + 40LL * DAY_MS);
	add_certificate(w, 2, "ca certificate", "idle", now + DAY_MS);
	add_certificate(w, 3, "ca certificate", "used", now + 31LL * DAY_MS);
	sql(w, "INSERT INTO object_reference (from_id, to_id) VALUES (1, 3)");
	tick(w, 0);
	assert_string_equal(listed(w, false), "");
	tick(w, 2 * 24 * 60);
	tick(w, 61);
	assert_string_equal(listed(w, false), "certificate_expiry used");
	assert_int_equal(told(w, "used"), 1);
	tick(w, 8 * 24 * 60);
	assert_string_equal(listed(w, false), "certificate_expiry web,certificate_expiry used");
	tick(w, 24 * 24 * 60); /* six days are left of one, of the other none */
	tick(w, 61);
	assert_int_equal(told(w, "used raised"), 2);
	assert_int_equal(told(w, "used ended"), 1);
	assert_int_equal(told(w, "web raised"), 2);
	assert_string_equal(listed(w, false), "certificate_expiry web,certificate_expiry used");
	sql(w, "DELETE FROM object_reference; DELETE FROM object WHERE id <> 1");
	tick(w, 61);
	assert_string_equal(listed(w, false), "certificate_expiry web");
	assert_int_equal(told(w, "used cleared"), 1);
}

#define BELOW "limit sessions: below the threshold again (80 of 100)"

static void what_devices_report_is_raised_and_cleared_by_them(void **state)
{
	static const char *const both[] = {
	        "limit sessions reached (100 of 100): new flows are blocked", BELOW};
	struct watch *w = *state;

	add_device(w, "box", "{}");
	assert_int_equal(say(w, "box",
	                     "SSL Inspection reached Critical threshold of Max Concurrent "
	                     "Connections. Action: Block"),
	                 0);
	assert_int_equal(say(w, "box", both[0]), 0);
	assert_int_equal(say(w, "box", "limit handshakes reached (5 of 5): new flows are blocked"),
	                 0);
	assert_string_equal(listed(w, false), "threshold_reached box,threshold_reached box");
	/* It comes again, as after an answer that was lost. */
	w->seq--;
	assert_int_equal(say(w, "box", "limit handshakes reached (5 of 5): new flows are blocked"),
	                 0);
	assert_int_equal(told(w, "threshold_reached raised"), 2);
	assert_int_equal(say(w, "box", BELOW), 0);
	assert_string_equal(listed(w, false), "threshold_reached box");
	assert_int_equal(report(w, "box", w->seq, 2, both), 0);
	w->seq += 2;
	assert_string_equal(listed(w, false), "threshold_reached box");
	assert_int_equal(say(w, "box", "the limit of the day is reached (no alert)"), 0);
	assert_int_equal(say(w, "box",
	                     "server mismatch: proxy web, name www.example.org: configured web "
	                     "serial 1; the server shows serial 2"),
	                 0);
	assert_string_equal(listed(w, false), "out_of_sync box,threshold_reached box");
	tick(w, 61); /* nothing of the handshakes for an hour */
	assert_string_equal(listed(w, false), "device_silent box,out_of_sync box");
	tick(w, 25 * 60);
	assert_string_equal(listed(w, false), "device_silent box");
	assert_int_equal(told(w, "out_of_sync cleared web"), 1);
}

static void what_is_missing_is_an_alert_for_a_day(void **state)
{
	static const char *const one[] = {"nothing"};
	struct watch *w = *state;

	add_device(w, "box", "{}");
	assert_int_equal(report(w, "box", 0, 1, one), 0);
	assert_int_equal(report(w, "box", 5, 1, one), 0);
	assert_int_equal(report(w, "box", 9, 1, one), 0);
	assert_string_equal(listed(w, false), "events_lost box");
	assert_int_equal(told(w, "events_lost raised"), 1);
	w->now_ms += 23LL * HOUR_MS;
	assert_int_equal(alerts_tick(w->alerts, w->now_ms), 0);
	assert_non_null(strstr(listed(w, false), "events_lost box"));
	w->now_ms += 2LL * HOUR_MS;
	assert_int_equal(alerts_tick(w->alerts, w->now_ms), 0);
	assert_null(strstr(listed(w, false), "events_lost box"));
}

static void what_one_device_can_raise_is_bounded(void **state)
{
	struct watch *w = *state;
	char message[128];
	unsigned count = 0;

	add_device(w, "box", "{}");
	for (unsigned i = 0; i < ALERT_DEVICE_OPEN_MAX + 10; i++) {
		(void)snprintf(message, sizeof(message),
		               "server mismatch: proxy p%u, name x: configured", i);
		assert_int_equal(say(w, "box", message), 0);
	}
	for (const char *at = listed(w, false); (at = strstr(at, "out_of_sync box")); at++)
		count++;
	assert_in_range(count, 1, ALERT_DEVICE_OPEN_MAX);
	assert_int_equal(told(w, "out_of_sync raised"), ALERT_DEVICE_OPEN_MAX);
}

/* What was raised and not told yet is told once by who comes next. */
static void a_death_before_the_event_leaves_none_out(void **state)
{
	struct watch *w = *state;

	add_device(w, "box", "{\"inspection\":\"panic\"}");
	sql(w, "INSERT INTO alert (name, about_kind, about, part, step, text, since_ms, heard_ms,"
	       " cleared_ms, told, acknowledged_ms, acknowledged_by)"
	       " VALUES ('panic', 'device', 'box', '', 1, 'killed here', 1, 1, 0, 0, 0, '')");
	close_rooms(w);
	open_rooms(w);
	tick(w, 0);
	tick(w, 1);
	assert_string_equal(listed(w, false), "panic box");
	assert_int_equal(told(w, "killed"), 1);
}

static void somebody_has_seen_it(void **state)
{
	struct watch *w = *state;
	json_t *shown = NULL;

	add_device(w, "box", "{\"inspection\":\"panic\"}");
	tick(w, 0);
	assert_int_equal(alerts_acknowledge(w->place->store, &place_actor, 99, &w->place->problem),
	                 SL_ENOENT);
	(void)place_told(w->place);
	assert_int_equal(alerts_acknowledge(w->place->store, &place_actor, 1, &w->place->problem),
	                 0);
	assert_int_equal(place_audited(w->place, "acknowledge", "panic box"), 1);
	assert_int_equal(alerts_acknowledge(w->place->store, &place_actor, 1, &w->place->problem),
	                 SL_EEXIST);
	(void)place_told(w->place);
	assert_int_equal(alerts_get(w->place->store, 1, &shown, &w->place->problem), 0);
	assert_string_equal(json_string_value(json_object_get(shown, "acknowledged_by")),
	                    place_actor.name);
	assert_string_equal(json_string_value(json_object_get(shown, "state")), "raised");
	json_decref(shown);
}

/* Ten minutes away, and what was skipped within a day; one that is disabled is neither. */
static void a_syslog_server_that_is_away_or_misses_some_is_said(void **state)
{
	struct watch *w = *state;
	char text[512];

	(void)snprintf(text, sizeof(text),
	               "INSERT INTO syslog_target (name, revision, body, enabled, arrival, seq,"
	               " sent, skipped, skipped_ms, failing_ms) VALUES"
	               " ('log', 1, '{}', 1, 1, 0, 0, 0, 0, %lld),"
	               " ('slow', 1, '{}', 1, 1, 0, 0, 7, %lld, 0),"
	               " ('off', 1, '{}', 0, 1, 0, 0, 7, %lld, 1)",
	               (long long)w->now_ms, (long long)w->now_ms, (long long)w->now_ms);
	sql(w, text);
	tick(w, 9);
	assert_string_equal(listed(w, false), "syslog_skipped slow");
	tick(w, 1);
	tick(w, 1);
	assert_string_equal(listed(w, false), "syslog_unreachable log,syslog_skipped slow");
	assert_int_equal(told(w, "raised syslog"), 2);
	sql(w, "UPDATE syslog_target SET failing_ms = 0");
	tick(w, 1);
	assert_string_equal(listed(w, false), "syslog_skipped slow");
	tick(w, (int64_t)24 * 60);
	assert_string_equal(listed(w, false), "");
	assert_int_equal(told(w, "cleared syslog"), 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	        TEST(a_device_is_silent_once_and_until_it_calls),
	        TEST(a_device_that_inspects_nothing_is_an_alert_of_its_own),
	        TEST(a_distribution_fails_until_one_is_in_force),
	        TEST(a_certificate_that_ends_is_said_at_each_step),
	        TEST(a_chain_in_use_that_ends_is_said),
	        TEST(what_devices_report_is_raised_and_cleared_by_them),
	        TEST(what_is_missing_is_an_alert_for_a_day),
	        TEST(what_one_device_can_raise_is_bounded),
	        TEST(a_death_before_the_event_leaves_none_out),
	        TEST(somebody_has_seen_it),
	        TEST(a_syslog_server_that_is_away_or_misses_some_is_said),
#undef TEST
	};

	return RUN_TESTS(tests);
}
