/* SPDX-License-Identifier: Apache-2.0 */
/* What people do with devices. Each is one write, with its line in the audit log. */
#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/auth/audit.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/device/device_priv.h"
#include "smsd/object/document.h"

enum { MS_PER_S = 1000 };

/* Of all calls here. */
struct deed {
	const struct actor *actor;
	const char *name;
	struct problem *problem;
	int64_t now_ms;
	const struct remote_token *token;
	/* of a change */
	int64_t revision;
	const json_t *settings;
	const char *comment;
};

/* A write's code in words, where it has none yet. */
static int tell(const struct deed *deed, int rc)
{
	if (rc == 0 || deed->problem->code)
		return rc;
	if (rc == SL_EEXIST)
		return problem_add(deed->problem, rc, "/name", "choose another",
		                   "there is a device \"%.64s\"", deed->name);
	return problem_tell(deed->problem, rc);
}

static int audit(const struct deed *deed, struct store_tx *tx, const char *action, json_t *before,
                 json_t *after)
{
	char *before_text = device_json_text(before), *after_text = device_json_text(after);
	const struct audit_line line = {.action = action,
	                                .kind = "device",
	                                .name = deed->name,
	                                .before = before_text,
	                                .after = after_text};
	int rc = audit_add(tx, deed->actor, &line);

	free(before_text);
	free(after_text);
	json_decref(before);
	json_decref(after);
	return rc;
}

static json_t *token_end(const struct deed *deed)
{
	char ends[MOMENT_TEXT_MAX];

	return json_pack("{s:s}", "token_ends",
	                 moment_text(deed->now_ms + (int64_t)DEVICE_TOKEN_S * MS_PER_S, ends));
}

static int put_token(const struct deed *deed, struct store_tx *tx, int64_t device)
{
	return device_token_put(tx, device, deed->token,
	                        deed->now_ms + (int64_t)DEVICE_TOKEN_S * MS_PER_S);
}

/* A token of the CA that there is; wipe it. */
static int make_token(struct store *store, struct remote_token *ret_token, struct problem *problem)
{
	X509 *ca = NULL;
	uint8_t pin[REMOTE_PIN];
	int rc = device_ca_read(store, &ca, pin, problem);

	X509_free(ca);
	if (rc == 0)
		rc = device_token_make(pin, ret_token);
	return problem_tell(problem, rc);
}

/* ---- making ------------------------------------------------------------------------------ */

static int check_made(const struct deed *deed)
{
	size_t len = strlen(deed->name);

	if (len == 0 || len > CONF_NAME_SHORT || !conf_is_name(deed->name, true))
		return problem_add(deed->problem, SL_EINVAL, "/name", "choose another",
		                   "a device's name has 1 to %d letters, digits, \"_\", \"-\", "
		                   "\".\" or spaces within",
		                   CONF_NAME_SHORT);
	if (deed->comment && strlen(deed->comment) > DEVICE_COMMENT_MAX)
		return problem_add(deed->problem, SL_EINVAL, "/comment", "shorten it",
		                   "a comment has %d bytes at most", DEVICE_COMMENT_MAX);
	return 0;
}

static int write_created(void *arg, struct store_tx *tx)
{
	const struct deed *deed = arg;
	const struct store_value values[] = {
	        store_text(deed->name), store_text(device_state_name(DEVICE_NEW)),
	        store_text(deed->comment ? deed->comment : ""), store_integer(deed->now_ms)};
	int64_t count = 0, id = 0;
	int rc = store_tx_run(tx, STORE_DEVICE_COUNT, NULL, 0, device_integer_take, &count);

	problem_fini(deed->problem);
	if (rc == 0 && count >= DEVICES_MAX)
		return problem_add(deed->problem, SL_ELIMIT, "", "delete one that is not needed",
		                   "there are %d devices", DEVICES_MAX);
	if (rc == 0)
		rc = store_tx_run(tx, STORE_DEVICE_ADD, values, SL_ARRAY_LEN(values),
		                  device_integer_take, &id);
	if (rc == 0)
		rc = put_token(deed, tx, id);
	return rc ? rc : audit(deed, tx, "create", NULL, token_end(deed));
}

static int with_token(struct store *store, struct deed *deed, store_tx_fn *write,
                      char ret_token[REMOTE_TOKEN_MAX])
{
	struct remote_token token;
	int rc = make_token(store, &token, deed->problem);

	deed->token = &token;
	if (rc == 0)
		rc = tell(deed, store_write(store, write, deed));
	if (rc == 0)
		remote_token_format(&token, ret_token);
	OPENSSL_cleanse(&token, sizeof(token));
	return rc;
}

int device_create(struct store *store, const struct actor *actor, const char *name,
                  const char *comment, char ret_token[REMOTE_TOKEN_MAX], struct problem *problem)
{
	struct deed deed = {.actor = actor,
	                    .name = name,
	                    .comment = comment,
	                    .problem = problem,
	                    .now_ms = moment_now_ms()};
	int rc = check_made(&deed);

	return rc ? rc : with_token(store, &deed, write_created, ret_token);
}

static int write_token(void *arg, struct store_tx *tx)
{
	const struct deed *deed = arg;
	struct device_row row;
	int rc;

	problem_fini(deed->problem);
	rc = device_get_tx(tx, deed->name, &row, deed->problem);
	if (rc == 0)
		rc = put_token(deed, tx, row.device.id);
	device_fini(&row.device);
	return rc ? rc : audit(deed, tx, "new token", NULL, token_end(deed));
}

int device_new_token(struct store *store, const struct actor *actor, const char *name,
                     char ret_token[REMOTE_TOKEN_MAX], struct problem *problem)
{
	struct deed deed = {
	        .actor = actor, .name = name, .problem = problem, .now_ms = moment_now_ms()};

	return with_token(store, &deed, write_token, ret_token);
}

/* ---- changing ---------------------------------------------------------------------------- */

/* What a change changes, for the audit log. */
static json_t *seen_values(const json_t *settings, const char *comment)
{
	json_t *value = json_pack("{s:s}", "comment", comment);

	if (value && settings)
		(void)json_object_set(value, "settings", (json_t *)(uintptr_t)settings);
	return value;
}

static int put_changed(const struct deed *deed, struct store_tx *tx, const struct device *was)
{
	const json_t *settings = deed->settings ? deed->settings : was->settings;
	const char *comment = deed->comment ? deed->comment : was->comment;
	char *text = device_json_text(settings);
	const struct store_value values[] = {store_integer(was->id),
	                                     store_integer(was->revision + 1), store_text(text),
	                                     store_text(comment)};
	int rc = settings && !text ? SL_ENOMEM : 0;

	if (rc == 0)
		rc = store_tx_run(tx, STORE_DEVICE_CHANGE, values, SL_ARRAY_LEN(values), NULL,
		                  NULL);
	free(text);
	return rc ? rc
	          : audit(deed, tx, "change", seen_values(was->settings, was->comment),
	                  seen_values(settings, comment));
}

static int write_changed(void *arg, struct store_tx *tx)
{
	const struct deed *deed = arg;
	struct device_row row;
	int rc;

	problem_fini(deed->problem);
	rc = device_get_tx(tx, deed->name, &row, deed->problem);
	if (rc == 0 && row.device.revision != deed->revision)
		rc = problem_add(deed->problem, SL_ECONFLICT, "", "look at it again",
		                 "the device was changed meanwhile: it is at revision %lld",
		                 (long long)row.device.revision);
	if (rc == 0)
		rc = put_changed(deed, tx, &row.device);
	device_fini(&row.device);
	return rc;
}

/* Places within the settings, as whoever sent them finds them. */
static int check_settings(const json_t *settings, struct problem *problem)
{
	int rc = document_check_settings(settings, problem);

	for (size_t i = 0; rc != 0 && i < problem->count; i++) {
		char *pointer = problem->items[i].pointer, within[PROBLEM_POINTER_MAX];

		memcpy(within, pointer, sizeof(within));
		(void)snprintf(pointer, PROBLEM_POINTER_MAX, "/settings%.*s",
		               PROBLEM_POINTER_MAX - 10, within);
	}
	/* A key that there is none of in the body is no device that there is none of. */
	if (rc != 0 && rc != SL_ENOMEM)
		rc = problem->code = SL_EINVAL;
	return rc;
}

int device_change(struct store *store, const struct actor *actor, const char *name,
                  int64_t revision, const json_t *settings, const char *comment,
                  struct problem *problem)
{
	struct deed deed = {.actor = actor,
	                    .name = name,
	                    .revision = revision,
	                    .settings = settings,
	                    .comment = comment,
	                    .problem = problem};
	int rc = 0;

	if (settings)
		rc = check_settings(settings, problem);
	if (rc == 0 && comment && strlen(comment) > DEVICE_COMMENT_MAX)
		rc = problem_add(problem, SL_EINVAL, "/comment", "shorten it",
		                 "a comment has %d bytes at most", DEVICE_COMMENT_MAX);
	return rc ? rc : tell(&deed, store_write(store, write_changed, &deed));
}

/* ---- ending ------------------------------------------------------------------------------ */

static int put_revoked(const struct deed *deed, struct store_tx *tx, int64_t id)
{
	const struct store_value state[] = {store_integer(id),
	                                    store_text(device_state_name(DEVICE_REVOKED))};
	const struct store_value keys[] = {store_integer(id), store_text(deed->name),
	                                   store_integer(deed->now_ms)};
	int rc = store_tx_run(tx, STORE_DEVICE_REVOKE, state, 2, NULL, NULL);

	if (rc == 0)
		rc = store_tx_run(tx, STORE_DEVICE_KEYS_REVOKE, keys, 3, NULL, NULL);
	return rc ? rc : store_tx_run(tx, STORE_DEVICE_TOKENS_DROP, keys, 1, NULL, NULL);
}

static int write_revoked(void *arg, struct store_tx *tx)
{
	const struct deed *deed = arg;
	struct device_row row;
	int rc;

	problem_fini(deed->problem);
	rc = device_get_tx(tx, deed->name, &row, deed->problem);
	if (rc == 0)
		rc = put_revoked(deed, tx, row.device.id);
	device_fini(&row.device);
	return rc ? rc : audit(deed, tx, "revoke", NULL, NULL);
}

int device_revoke(struct store *store, const struct actor *actor, const char *name,
                  struct problem *problem)
{
	struct deed deed = {
	        .actor = actor, .name = name, .problem = problem, .now_ms = moment_now_ms()};

	return tell(&deed, store_write(store, write_revoked, &deed));
}

static int write_deleted(void *arg, struct store_tx *tx)
{
	const struct deed *deed = arg;
	struct device_row row;
	struct store_value id;
	int rc;

	problem_fini(deed->problem);
	rc = device_get_tx(tx, deed->name, &row, deed->problem);
	if (rc == 0 && row.device.state == DEVICE_ENROLLED)
		rc = problem_add(deed->problem, SL_EBUSY, "", "revoke it first",
		                 "the device \"%.64s\" is enrolled", deed->name);
	id = store_integer(row.device.id);
	if (rc == 0)
		rc = store_tx_run(tx, STORE_DEVICE_DELETE, &id, 1, NULL, NULL);
	device_fini(&row.device);
	return rc ? rc : audit(deed, tx, "delete", NULL, NULL);
}

int device_delete(struct store *store, const struct actor *actor, const char *name,
                  struct problem *problem)
{
	struct deed deed = {.actor = actor, .name = name, .problem = problem};

	return tell(&deed, store_write(store, write_deleted, &deed));
}
