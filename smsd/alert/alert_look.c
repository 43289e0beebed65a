/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts that are found by looking at what the database has. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/alert/alert_priv.h"
#include "smsd/base/moment.h"
#include "smsd/device/port.h"
#include "smsd/object/certificate.h"
#include "smsd/push/push.h"

enum { DAY_MS = 24 * 3600 * 1000, MINUTE_MS = 60 * 1000 };

/* After a look that came to `rc`: all that is so, and no more. Frees the conditions; returns the
 * first code that is no 0. */
static int settle(struct alerts *alerts, int rc, enum alert_name name, const char *about,
                  struct conditions *conditions, int64_t now_ms)
{
	if (rc == 0)
		rc = alerts_settle(alerts, name, about, conditions, now_ms);
	conditions_fini(conditions);
	return rc;
}

/* ---- devices ----------------------------------------------------------------------------- */

struct devices {
	struct conditions silent, panic;
	int64_t now_ms, silent_ms;
	bool settled; /* smsd has been here as long as a device may be silent */
};

static int add_silent(struct devices *d, const char *name, int64_t seen_ms)
{
	char when[MOMENT_TEXT_MAX];

	if (!d->settled || d->now_ms - seen_ms < d->silent_ms)
		return 0;
	return conditions_add(&d->silent, "device", name, 1, "%s has not called since %s", name,
	                      moment_text(seen_ms, when));
}

static int add_panic(struct devices *d, const char *name, const char *health)
{
	json_t *value = json_loads(health, 0, NULL);
	const char *is = json_string_value(json_object_get(value, "inspection"));
	int rc = 0;

	if (is && (strcmp(is, "panic") == 0 || strcmp(is, "fallback") == 0))
		rc = conditions_add(&d->panic, "device", name, 1,
		                    "%s inspects nothing: it is in %s", name, is);
	json_decref(value);
	return rc;
}

static int take_device(void *arg, const struct store_row *row)
{
	struct devices *d = arg;
	const char *name = store_row_text(row, 0);
	int rc = add_silent(d, name, store_row_integer(row, 1));

	return rc ? rc : add_panic(d, name, store_row_text(row, 2));
}

static int look_at_devices(struct alerts *alerts, const char *device, int64_t now_ms)
{
	const struct store_value name = store_text(device ? device : "");
	struct devices d = {.now_ms = now_ms,
	                    .silent_ms = (int64_t)alerts->options.silent_minutes * MINUTE_MS};
	int rc;

	/* While smsd was away nobody could call it. */
	d.settled = now_ms - alerts->opened_ms >= d.silent_ms;
	rc = store_read(alerts->store, STORE_ALERT_DEVICES, &name, 1, take_device, &d);
	if (d.settled)
		rc = settle(alerts, rc, ALERT_DEVICE_SILENT, device, &d.silent, now_ms);
	return settle(alerts, rc, ALERT_PANIC, device, &d.panic, now_ms);
}

/* ---- distributions ----------------------------------------------------------------------- */

static int take_failed(void *arg, const struct store_row *row)
{
	const char *why = store_row_text(row, 2);

	return conditions_add(arg, "device", store_row_text(row, 0), store_row_integer(row, 3),
	                      "%s %s what distribution %" PRId64 " gave it%s%s",
	                      store_row_text(row, 0), store_row_text(row, 1),
	                      store_row_integer(row, 3), why[0] ? ": " : "", why);
}

static int look_at_distributions(struct alerts *alerts, const char *device, int64_t now_ms)
{
	const struct store_value name = store_text(device ? device : "");
	struct conditions failed = {0};
	int rc = store_read(alerts->store, STORE_ALERT_DISTRIBUTIONS, &name, 1, take_failed,
	                    &failed);

	return settle(alerts, rc, ALERT_DISTRIBUTION_FAILED, device, &failed, now_ms);
}

int alerts_look(struct alerts *alerts, const char *device, int64_t now_ms)
{
	int rc = look_at_devices(alerts, device, now_ms);

	if (rc == 0)
		rc = look_at_distributions(alerts, device, now_ms);
	return rc ? rc : alerts_tell(alerts);
}

int alert_port_status(struct port_call *call)
{
	int rc = push_status(call);
	int looked = rc == 0 ? alerts_look(call->alerts, call->device.name, moment_now_ms()) : 0;

	/* The next minute looks again. */
	if (looked != 0)
		log_error("alerts: %s cannot be looked at: %s", call->device.name,
		          err_text(looked));
	return rc;
}

/* ---- certificates ------------------------------------------------------------------------ */

struct certificates {
	struct conditions ending;
	const char *kind;
	int64_t now_ms;
	bool all;                /* those that no object names too */
	struct unnamed *unnamed; /* that end: a chain may need them */
	size_t unnamed_count;
};

struct unnamed {
	char name[OBJECT_NAME_MAX];
	X509 *certificate;
	int64_t ends_ms;
};

/* Says it at 30, 7 and 1 days, and at the end (R82); 0: not yet. */
static int64_t step_of(int64_t left_ms)
{
	static const int64_t days[] = {30, 7, 1, 0};
	int64_t step = 0;

	for (size_t i = 0; i < SL_ARRAY_LEN(days); i++)
		step += left_ms <= days[i] * DAY_MS;
	return step;
}

static int add_ending(struct certificates *c, const char *kind, const char *name, int64_t ends_ms)
{
	int64_t step = step_of(ends_ms - c->now_ms);
	char when[MOMENT_TEXT_MAX];

	if (step == 0)
		return 0;
	return conditions_add(&c->ending, kind, name, step, "%s %s %s %s", kind, name,
	                      ends_ms > c->now_ms ? "ends at" : "has ended at",
	                      moment_text(ends_ms, when));
}

/* SL_EMALFORMED: it says no time. */
static int ends_of(const X509 *certificate, int64_t *ret_ms)
{
	struct tm tm;

	if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
		return SL_EMALFORMED;
	*ret_ms = (int64_t)timegm(&tm) * 1000;
	return 0;
}

static X509 *certificate_of(const char *body)
{
	json_t *value = json_loads(body, 0, NULL);
	const char *pem = json_string_value(json_object_get(value, "pem"));
	BIO *bio = pem ? BIO_new_mem_buf(pem, -1) : NULL;
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	json_decref(value);
	return certificate;
}

/* Whether a chain needs it is asked when all have been read. */
static int keep_unnamed(struct certificates *c, const char *name, X509 *certificate,
                        int64_t ends_ms)
{
	struct unnamed *more = realloc(c->unnamed, (c->unnamed_count + 1) * sizeof(*more));

	if (!more)
		return SL_ENOMEM;
	c->unnamed = more;
	more += c->unnamed_count++;
	*more = (struct unnamed){.certificate = certificate, .ends_ms = ends_ms};
	(void)snprintf(more->name, sizeof(more->name), "%s", name);
	return X509_up_ref(certificate) == 1 ? 0 : SL_ENOMEM;
}

static int take_certificate(void *arg, const struct store_row *row)
{
	struct certificates *c = arg;
	X509 *certificate = certificate_of(store_row_text(row, 1));
	const char *name = store_row_text(row, 0);
	bool named = store_row_integer(row, 2) > 0;
	int64_t ends_ms;
	int rc = 0;

	if (ends_of(certificate, &ends_ms) == 0 && step_of(ends_ms - c->now_ms) > 0)
		rc = c->all || named ? add_ending(c, c->kind, name, ends_ms)
		                     : keep_unnamed(c, name, certificate, ends_ms);
	X509_free(certificate);
	return rc;
}

/* An intermediate, or a root, that no object names and certificates in use lead to. */
static int add_needed(struct alerts *alerts, struct certificates *c)
{
	int rc = 0;

	for (size_t i = 0; i < c->unnamed_count; i++) {
		const struct unnamed *u = &c->unnamed[i];
		bool needed = false;

		if (rc == 0)
			rc = certificate_is_needed(alerts->store, u->certificate, &needed);
		if (rc == 0 && needed)
			rc = add_ending(c, c->kind, u->name, u->ends_ms);
		X509_free(u->certificate);
	}
	free(c->unnamed);
	c->unnamed = NULL;
	c->unnamed_count = 0;
	return rc;
}

static int take_device_ca(void *arg, const struct store_row *row)
{
	size_t len;
	const unsigned char *der = store_row_blob(row, 0, &len);
	X509 *certificate = d2i_X509(NULL, &der, (long)len);
	int64_t ends_ms;
	int rc = ends_of(certificate, &ends_ms) == 0 ? add_ending(arg, "sms", "device CA", ends_ms)
	                                             : 0;

	X509_free(certificate);
	return rc;
}

static int look_at_kind(struct alerts *alerts, struct certificates *c, enum object_kind kind)
{
	const struct store_value value = store_text(object_kind_name(kind));
	int rc, needed;

	c->kind = object_kind_name(kind);
	c->all = kind == OBJECT_CERTIFICATE;
	rc = store_read(alerts->store, STORE_ALERT_CERTIFICATES, &value, 1, take_certificate, c);
	needed = add_needed(alerts, c);
	return rc ? rc : needed;
}

static int look_at_certificates(struct alerts *alerts, int64_t now_ms)
{
	struct certificates c = {.now_ms = now_ms};
	int rc = look_at_kind(alerts, &c, OBJECT_CERTIFICATE);

	if (rc == 0)
		rc = look_at_kind(alerts, &c, OBJECT_CA_CERTIFICATE);
	if (rc == 0)
		rc = store_read(alerts->store, STORE_DEVICE_CA, NULL, 0, take_device_ca, &c);
	if (rc == 0 && alerts->options.https_ends_ms != 0)
		rc = add_ending(&c, "sms", "certificate of HTTPS", alerts->options.https_ends_ms);
	return settle(alerts, rc, ALERT_CERTIFICATE_EXPIRY, NULL, &c.ending, now_ms);
}

/* ---- syslog servers ---------------------------------------------------------------------- */

struct syslogs {
	struct conditions away, skipped;
	int64_t now_ms;
};

static int take_syslog(void *arg, const struct store_row *row)
{
	struct syslogs *l = arg;
	const char *name = store_row_text(row, 0);
	int64_t failing_ms = store_row_integer(row, 1), skipped_ms = store_row_integer(row, 3);
	char when[MOMENT_TEXT_MAX];
	int rc = 0;

	if (failing_ms != 0 && l->now_ms - failing_ms >= (int64_t)ALERT_SYSLOG_AWAY_S * 1000)
		rc = conditions_add(&l->away, "syslog server", name, 1,
		                    "syslog server %s has not been reached since %s", name,
		                    moment_text(failing_ms, when));
	if (rc == 0 && skipped_ms != 0 &&
	    l->now_ms - skipped_ms < (int64_t)ALERT_SYSLOG_SKIPPED_S * 1000)
		rc = conditions_add(&l->skipped, "syslog server", name, 1,
		                    "events were not sent to syslog server %s: %" PRId64
		                    " in all, at %s the last",
		                    name, store_row_integer(row, 2), moment_text(skipped_ms, when));
	return rc;
}

static int look_at_syslogs(struct alerts *alerts, int64_t now_ms)
{
	struct syslogs l = {.now_ms = now_ms};
	int rc = store_read(alerts->store, STORE_ALERT_SYSLOG, NULL, 0, take_syslog, &l);

	rc = settle(alerts, rc, ALERT_SYSLOG_UNREACHABLE, NULL, &l.away, now_ms);
	return settle(alerts, rc, ALERT_SYSLOG_SKIPPED, NULL, &l.skipped, now_ms);
}

/* ---- by the clock ------------------------------------------------------------------------ */

int alerts_tick(struct alerts *alerts, int64_t now_ms)
{
	int64_t last = atomic_load(&alerts->certificates_ms);
	int rc = 0;

	if (now_ms - last >= (int64_t)ALERT_CERTIFICATES_S * 1000 &&
	    atomic_compare_exchange_strong(&alerts->certificates_ms, &last, now_ms))
		rc = look_at_certificates(alerts, now_ms);
	if (rc == 0)
		rc = look_at_syslogs(alerts, now_ms);
	if (rc == 0)
		rc = alerts_age(alerts, now_ms);
	return rc ? rc : alerts_look(alerts, NULL, now_ms);
}
