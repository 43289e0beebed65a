/* SPDX-License-Identifier: Apache-2.0 */
/* The vault's data key: made once, and sealed by whatever source holds now. */
#include "smsd/vault/vault.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/auth/audit.h"
#include "smsd/base/actor.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/store/store.h"
#include "smsd/vault/vault_priv.h"

enum { SOURCE_NAME_MAX = 16, SEALED_KEY_SIZE = VAULT_KEY_SIZE + VAULT_SEAL_EXTRA };

#define CONTEXT "sluice data key 1"

/* A row of vault_key. */
struct key_row {
	int64_t id; /* 0: there is none */
	char source[SOURCE_NAME_MAX];
	uint8_t salt[VAULT_SALT_SIZE];
	size_t salt_len; /* 0 for a file */
	uint8_t sealed[SEALED_KEY_SIZE];
	bool damaged; /* lengths that we do not write */
};

/* What the data key is sealed with: a row whose source or salt was changed does not open. */
struct key_context {
	char label[sizeof(CONTEXT)];
	char source[SOURCE_NAME_MAX];
	uint8_t salt[VAULT_SALT_SIZE];
};

static void make_context(const struct key_row *row, struct key_context *ret_context)
{
	memset(ret_context, 0, sizeof(*ret_context));
	memcpy(ret_context->label, CONTEXT, sizeof(CONTEXT));
	memcpy(ret_context->source, row->source, sizeof(row->source));
	memcpy(ret_context->salt, row->salt, row->salt_len);
}

static uint8_t *secure_key(void)
{
	return OPENSSL_secure_zalloc(VAULT_KEY_SIZE);
}

static void wipe_key(uint8_t *key)
{
	OPENSSL_secure_clear_free(key, VAULT_KEY_SIZE);
}

static int take_row(void *arg, const struct store_row *row)
{
	struct key_row *key = arg;
	size_t sealed_len;
	const void *salt = store_row_blob(row, 2, &key->salt_len);
	const void *sealed = store_row_blob(row, 3, &sealed_len);

	key->id = store_row_integer(row, 0);
	(void)snprintf(key->source, sizeof(key->source), "%s", store_row_text(row, 1));
	key->damaged = (key->salt_len != 0 && key->salt_len != VAULT_SALT_SIZE) ||
	               sealed_len != SEALED_KEY_SIZE;
	if (key->damaged)
		return 0;
	if (salt)
		memcpy(key->salt, salt, key->salt_len);
	memcpy(key->sealed, sealed, sealed_len);
	return 0;
}

static int refuse_source(const struct key_row *row, const char *given, struct problem *problem)
{
	if (strcmp(row->source, given) != 0)
		return problem_add(problem, SL_EPERM, "", "start smsd with that",
		                   "the vault of this database opens by a %s, not by a %s",
		                   row->source[0] == 'f' ? "key file" : "passphrase",
		                   given[0] == 'f' ? "key file" : "passphrase");
	if (row->source[0] == 'f')
		return problem_add(
		        problem, SL_EPERM, "",
		        "name the key file of this database, the one of its last rotation",
		        "this key file is not the one that opens this database's vault");
	return problem_add(problem, SL_EPERM, "",
	                   "give the passphrase of this database, that of its last rotation",
	                   "this passphrase does not open this database's vault");
}

static int damaged(struct problem *problem)
{
	return problem_add(problem, SL_EMALFORMED, "", "restore a backup of the database",
	                   "the row of the vault's data key is damaged");
}

/* `key` gets the data key of `row`. */
static int open_row(const struct key_row *row, const struct vault_source *source, uint8_t *key,
                    struct problem *problem)
{
	const char *given = source_name(source);
	struct key_context context;
	uint8_t *outer;
	int rc;

	if (row->damaged)
		return damaged(problem);
	if (given && strcmp(row->source, given) != 0)
		return refuse_source(row, given, problem);
	if (source->passphrase && row->salt_len != VAULT_SALT_SIZE)
		return damaged(problem);
	outer = secure_key();
	if (!outer)
		return problem_add(problem, SL_ENOMEM, "", "", "no memory for a key");
	rc = source_key(source, row->salt, outer, problem);
	if (rc == 0) {
		make_context(row, &context);
		if (seal_open(outer, &context, sizeof(context), row->sealed, sizeof(row->sealed),
		              key) != 0)
			rc = refuse_source(row, given, problem);
	}
	wipe_key(outer);
	return rc;
}

/* A row that seals `key` by `source`, to be written. */
static int make_row(const uint8_t *key, const struct vault_source *source, struct key_row *ret_row,
                    struct problem *problem)
{
	const char *name = source_name(source);
	uint8_t *outer = secure_key();
	struct key_row row = {0};
	struct key_context context;
	int rc = outer ? 0 : problem_add(problem, SL_ENOMEM, "", "", "no memory for a key");

	if (rc == 0 && source->passphrase) {
		row.salt_len = sizeof(row.salt);
		if (RAND_bytes(row.salt, sizeof(row.salt)) != 1)
			rc = problem_add(problem, SL_ECRYPTO, "", "", "there are no random bytes");
	}
	if (rc == 0)
		rc = source_key(source, row.salt, outer, problem);
	if (rc == 0) {
		(void)snprintf(row.source, sizeof(row.source), "%s", name);
		make_context(&row, &context);
		rc = seal_bytes(outer, &context, sizeof(context), key, VAULT_KEY_SIZE, row.sealed);
		if (rc != 0)
			(void)problem_add(problem, rc, "", "", "the data key cannot be sealed");
	}
	wipe_key(outer);
	if (rc == 0)
		*ret_row = row;
	return rc;
}

static int count_row(void *arg, const struct store_row *row)
{
	*(int64_t *)arg = store_row_integer(row, 0);
	return 0;
}

struct key_write {
	const struct key_row *row;
	const struct actor *actor;
	const char *before; /* name of the source until now; NULL for the first key */
	bool orphans;       /* private keys without a data key: none may be made */
};

static int add_row(struct key_write *write, struct store_tx *tx)
{
	const struct key_row *row = write->row;
	int64_t id = 0;
	const struct store_value values[] = {
	        store_text(row->source), store_blob(row->salt, row->salt_len),
	        store_blob(row->sealed, sizeof(row->sealed)), store_integer(moment_now_ms())};
	int rc =
	        store_tx_run(tx, STORE_VAULT_KEY_ADD, values, SL_ARRAY_LEN(values), count_row, &id);

	/* Whoever finds an older row could open it by the older source. */
	return rc ? rc
	          : store_tx_run(tx, STORE_VAULT_KEY_DROP_OTHERS,
	                         (struct store_value[]){store_integer(id)}, 1, NULL, NULL);
}

static int audit_row(const struct key_write *write, struct store_tx *tx)
{
	char before[64], after[64];
	struct audit_line line = {.action = write->before ? "rotate" : "create",
	                          .kind = "vault key",
	                          .name = "",
	                          .before = write->before ? before : NULL,
	                          .after = after};

	if (write->before)
		(void)snprintf(before, sizeof(before), "{\"source\":\"%s\"}", write->before);
	(void)snprintf(after, sizeof(after), "{\"source\":\"%s\"}", write->row->source);
	return audit_add(tx, write->actor, &line);
}

static int write_row(void *arg, struct store_tx *tx)
{
	struct key_write *write = arg;
	int64_t keys = 0;
	int rc = 0;

	if (!write->before) {
		rc = store_tx_run(tx, STORE_PRIVATE_KEY_COUNT, NULL, 0, count_row, &keys);
		write->orphans = keys > 0;
		if (rc == 0 && write->orphans)
			return SL_EMALFORMED;
	}
	if (rc == 0)
		rc = add_row(write, tx);
	return rc ? rc : audit_row(write, tx);
}

static int put_row(struct store *store, struct key_write *write, struct problem *problem)
{
	int rc = store_write(store, write_row, write);

	if (rc != 0 && write->orphans)
		return problem_add(
		        problem, rc, "", "restore a backup of the database",
		        "there are private keys, and the data key that opens them is gone");
	if (rc != 0)
		return problem_add(problem, rc, "", "",
		                   "the vault's data key cannot be written: %s", err_text(rc));
	return 0;
}

static int make_first(struct vault *vault, const struct vault_source *source,
                      struct problem *problem)
{
	struct key_row row;
	struct key_write write = {.row = &row, .actor = &actor_smsd};
	int rc;

	if (RAND_priv_bytes(vault->key, VAULT_KEY_SIZE) != 1)
		return problem_add(problem, SL_ECRYPTO, "", "", "there are no random bytes");
	rc = make_row(vault->key, source, &row, problem);
	return rc ? rc : put_row(vault->store, &write, problem);
}

static int read_row(struct store *store, struct key_row *ret_row, struct problem *problem)
{
	int rc = store_read(store, STORE_VAULT_KEY, NULL, 0, take_row, ret_row);

	if (rc < 0)
		return problem_add(problem, rc, "", "", "the vault's data key cannot be read: %s",
		                   err_text(rc));
	return 0;
}

static int open_key(struct vault *vault, const struct vault_source *source, struct problem *problem)
{
	struct key_row row = {0};
	int rc = read_row(vault->store, &row, problem);

	if (rc != 0)
		return rc;
	return row.id ? open_row(&row, source, vault->key, problem)
	              : make_first(vault, source, problem);
}

int vault_open(struct store *store, const struct vault_source *source, struct vault **ret_vault,
               struct problem *problem)
{
	struct vault *vault = calloc(1, sizeof(*vault));
	int rc;

	if (vault)
		vault->key = secure_key();
	if (!vault || !vault->key) {
		free(vault);
		return problem_add(problem, SL_ENOMEM, "", "", "no memory for the vault");
	}
	vault->store = store;
	rc = open_key(vault, source, problem);
	if (rc != 0) {
		vault_close(vault);
		return rc;
	}
	*ret_vault = vault;
	return 0;
}

void vault_close(struct vault *vault)
{
	if (!vault)
		return;
	wipe_key(vault->key);
	free(vault);
}

int vault_rotate(struct vault *vault, const struct vault_source *source, const struct actor *actor,
                 struct problem *problem)
{
	struct key_row old = {0}, row;
	struct key_write write = {.row = &row, .actor = actor, .before = old.source};
	int rc = read_row(vault->store, &old, problem);

	if (rc == 0)
		rc = make_row(vault->key, source, &row, problem);
	return rc ? rc : put_row(vault->store, &write, problem);
}
