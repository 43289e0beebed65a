/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: connecting by the user's string, and again when one was lost. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "lib/base/err.h"
#include "smsd/store/database.h"
#include "smsd/store/postgresql_priv.h"

enum { OPTIONS_MAX = 128, LOCK_STEP_MS = 50 };

/* What the user's string may say otherwise: a server that does not answer is given up in seconds,
 * and one that went away without a word is noticed. */
static const char *const defaults[][2] = {
        {"connect_timeout", "5"},      {"keepalives_idle", "30"},
        {"keepalives_interval", "5"},  {"keepalives_count", "3"},
        {"tcp_user_timeout", "20000"}, {"fallback_application_name", "smsd"},
};

static void ignore_notice(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

/* libpq's own words for a broken string repeat it. */
static PQconninfoOption *parse(const struct database *database, char why[POSTGRESQL_TEXT_MAX])
{
	char *said = NULL;
	PQconninfoOption *options = PQconninfoParse(database->connection, &said);

	if (said) {
		OPENSSL_cleanse(said, strlen(said));
		PQfreemem(said);
	}
	if (!options)
		(void)snprintf(why, POSTGRESQL_TEXT_MAX,
		               "the database's file has no connection string or URI of libpq");
	return options;
}

/* No message of libpq's has the password; should one ever, it does not leave here. */
static void hide_password(const PQconninfoOption *options, char why[POSTGRESQL_TEXT_MAX])
{
	for (; options->keyword; options++)
		if (strcmp(options->keyword, "password") == 0 && options->val && options->val[0] &&
		    strstr(why, options->val))
			(void)snprintf(why, POSTGRESQL_TEXT_MAX, "it cannot be connected to");
}

static void wipe(PQconninfoOption *options)
{
	for (PQconninfoOption *o = options; o->keyword; o++)
		if (o->val)
			OPENSSL_cleanse(o->val, strlen(o->val));
	PQconninfoFree(options);
}

static PGconn *connect_by(const PQconninfoOption *options)
{
	const char *keywords[OPTIONS_MAX], *values[OPTIONS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < SL_ARRAY_LEN(defaults); i++, n++) {
		keywords[n] = defaults[i][0];
		values[n] = defaults[i][1];
	}
	for (; options->keyword && n < OPTIONS_MAX - 2; options++) {
		if (!options->val)
			continue;
		keywords[n] = options->keyword;
		values[n++] = options->val;
	}
	keywords[n] = "client_encoding";
	values[n++] = "UTF8";
	keywords[n] = NULL;
	return PQconnectdbParams(keywords, values, 0);
}

/* jit: planning takes longer than these statements do. */
static int settle(PGconn *pg, enum postgresql_use use)
{
	int code = postgresql_run_text(pg, "SET client_min_messages = warning; SET jit = off;"
	                                   " SET standard_conforming_strings = on");

	if (code == 0 && use == POSTGRESQL_READS)
		code = postgresql_run_text(pg, "SET default_transaction_read_only = on");
	return code;
}

int postgresql_connect(struct database *database, enum postgresql_use use, PGconn **ret_pg,
                       char ret_why[POSTGRESQL_TEXT_MAX])
{
	PQconninfoOption *options = parse(database, ret_why);
	PGconn *pg;
	int code = SL_EAGAIN;

	if (!options)
		return SL_EINVAL;
	pg = connect_by(options);
	if (!pg) {
		(void)snprintf(ret_why, POSTGRESQL_TEXT_MAX, "%s", err_text(SL_ENOMEM));
		code = SL_ENOMEM;
	} else if (PQstatus(pg) == CONNECTION_OK) {
		(void)PQsetNoticeReceiver(pg, ignore_notice, NULL);
		code = settle(pg, use);
	}
	if (code != 0) {
		if (pg)
			postgresql_said(pg, NULL, ret_why);
		hide_password(options, ret_why);
		PQfinish(pg);
	} else {
		*ret_pg = pg;
	}
	wipe(options);
	return code;
}

bool postgresql_is_lost(PGconn *pg)
{
	return !pg || PQstatus(pg) != CONNECTION_OK;
}

int postgresql_again(struct database *database, enum postgresql_use use, PGconn **pg,
                     bool *ret_made)
{
	char why[POSTGRESQL_TEXT_MAX];
	PGconn *made = NULL;
	int64_t locked = 1;
	int code;

	*ret_made = false;
	if (!postgresql_is_lost(*pg))
		return 0;
	if (!database_may_try(database))
		return SL_EAGAIN;
	code = postgresql_connect(database, use, &made, why);
	if (code == 0 && use == POSTGRESQL_HOLDS) {
		code = postgresql_lock(made, 0, &locked);
		if (code != 0 || !locked)
			(void)snprintf(why, sizeof(why),
			               "a session before, or another smsd, has it");
	}
	if (code != 0 || !locked) {
		PQfinish(made);
		database_is_away(database, why);
		return SL_EAGAIN;
	}
	database_is_there(database);
	PQfinish(*pg);
	*pg = made;
	*ret_made = true;
	return 0;
}

int postgresql_lock(PGconn *pg, unsigned wait_ms, int64_t *ret_locked)
{
	char text[96];
	int code;

	(void)snprintf(text, sizeof(text), "SELECT CAST(pg_try_advisory_lock(%d, %d) AS INTEGER)",
	               POSTGRESQL_LOCK, POSTGRESQL_LOCK_STORE);
	for (;;) {
		code = postgresql_number(pg, text, 0, ret_locked);
		if (code != 0 || *ret_locked || wait_ms < LOCK_STEP_MS)
			return code;
		(void)usleep(LOCK_STEP_MS * 1000);
		wait_ms -= LOCK_STEP_MS;
	}
}
