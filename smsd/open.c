/* SPDX-License-Identifier: Apache-2.0 */
/* What smsd opens before it serves: store, vault, the first person, certificates, rooms. */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/alert/alert.h"
#include "smsd/base/actor.h"
#include "smsd/data.h"
#include "smsd/device/device.h"
#include "smsd/forward/forward.h"
#include "smsd/identity.h"
#include "smsd/ingest/ingest.h"
#include "smsd/object/certificate.h"
#include "smsd/package/package.h"
#include "smsd/push/push.h"
#include "smsd/run_priv.h"
#include "smsd/store/store.h"
#include "smsd/vault/vault.h"

static int open_vault(struct smsd *s, const char *passphrase, bool first)
{
	struct vault_source source = {.key_file = s->options->key_file, .passphrase = passphrase};
	char path[PATH_MAX];
	int rc = 0;

	(void)snprintf(path, sizeof(path), "%s/vault.key", s->options->data);
	if (!source.key_file && !passphrase)
		source.key_file = path;
	if (first && source.key_file == path) {
		rc = vault_key_file_make(path, &s->problem);
		if (rc == 0)
			log_warning(
			        "%s is the key of all private keys here: keep it apart from the "
			        "data and its backups, and name it with --key-file",
			        path);
	}
	return rc == 0 ? vault_open(s->context.store, &source, &s->context.vault, &s->problem) : rc;
}

/* With nobody served: whoever has the new source has all from here on, and the old one nothing. */
int rotate_key(struct smsd *s, const char *passphrase)
{
	struct vault_source source = {.key_file = s->options->new_key_file,
	                              .passphrase = passphrase};
	int rc = 0;

	if (source.key_file && access(source.key_file, F_OK) != 0)
		rc = vault_key_file_make(source.key_file, &s->problem);
	if (rc == 0)
		rc = vault_rotate(s->context.vault, &source, &actor_smsd, &s->problem);
	if (rc == 0)
		log_info("the vault opens by the new %s from now on; backups from before open by "
		         "the old one",
		         passphrase ? "passphrase" : "key file");
	return rc;
}

static int keep_password(void *arg, const char *password)
{
	struct smsd *s = arg;

	return data_write_password(s->options->data, password, &s->problem);
}

static int make_first_person(struct smsd *s)
{
	bool made;
	int rc;

	data_password_path(s->options->data, s->first_password);
	s->context.first_password = s->first_password;
	rc = auth_first_person(s->context.store, keep_password, s, &made);

	if (rc != 0)
		return s->problem.code
		               ? rc
		               : problem_add(&s->problem, rc, "", "",
		                             "the first person cannot be made: %s", err_text(rc));
	if (made)
		log_info("the password of `" AUTH_FIRST_PERSON
		         "` is in %s, until it is changed at the first login",
		         s->first_password);
	return 0;
}

static int open_identity(struct smsd *s)
{
	char fingerprint[IDENTITY_FINGERPRINT_MAX];
	int rc = identity_make(s->options->data, &s->problem);

	if (rc == 0)
		rc = identity_load(s->options->data, &s->ctx, fingerprint, &s->problem);
	if (rc == 0)
		log_info("the certificate of HTTPS has SHA-256 %s", fingerprint);
	return rc;
}

static int open_ingest(struct smsd *s)
{
	struct ingest_options options = {.directory = s->events,
	                                 .keep_days = s->options->events_days,
	                                 .keep_bytes = (int64_t)s->options->events_gib << 30};

	(void)snprintf(s->events, sizeof(s->events), "%s/events", s->options->data);
	return ingest_open(s->context.store, &options, &s->context.ingest, &s->problem);
}

/* The certificate is of this start: another one in its place counts from the next on. */
static int open_alerts(struct smsd *s)
{
	struct alert_options options = {.silent_minutes = s->options->silent_minutes};
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(s->ctx)), &tm) == 1)
		options.https_ends_ms = (int64_t)timegm(&tm) * 1000;
	return alerts_open(s->context.store, s->context.ingest, &options, &s->alerts, &s->problem);
}

int open_all(struct smsd *s, const char *database, const char *passphrase, bool first)
{
	/* A reader for each thread that may ask at once. */
	int rc = store_open(s->options->data, database, job_threads(0), &s->context.store,
	                    &s->problem);

	if (rc == 0)
		rc = certificate_index(s->context.store, &s->problem);
	if (rc == 0)
		rc = open_vault(s, passphrase, first);
	if (rc == 0)
		rc = make_first_person(s);
	if (rc == 0)
		rc = open_identity(s);
	if (rc == 0)
		rc = device_ca_open(s->context.store, s->context.vault, &s->problem);
	if (rc == 0)
		rc = push_create(s->context.store, s->context.vault, &s->context.push, &s->problem);
	if (rc == 0)
		rc = certificate_cache_create(&s->context.certificates);
	if (rc == 0)
		rc = open_ingest(s);
	if (rc == 0)
		rc = open_alerts(s);
	if (rc == 0)
		rc = packages_create(s->context.store, s->context.ingest, &s->context.packages,
		                     &s->problem);
	if (rc == 0)
		rc = forward_create(s->context.store, s->context.ingest, &s->context.forward,
		                    &s->problem);
	return rc;
}

void close_rooms(struct smsd *s)
{
	SSL_CTX_free(s->ctx);
	forward_destroy(s->context.forward);
	packages_destroy(s->context.packages);
	alerts_close(s->alerts);
	ingest_close(s->context.ingest);
	certificate_cache_destroy(s->context.certificates);
	push_destroy(s->context.push);
	vault_close(s->context.vault);
	if (s->context.store)
		store_close(s->context.store);
}
