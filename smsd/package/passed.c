/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a source has that is not fetched again: what somebody deleted, until he brings it by hand;
 * what was refused for what it is, until the keys are others or smsd is started anew.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "smsd/package/package_priv.h"

/* ---- deleted ----------------------------------------------------------------------------- */

static int found(void *arg, const struct store_row *row)
{
	(void)row;
	*(bool *)arg = true;
	return 1;
}

int passed_is_deleted(struct packages *p, const uint8_t sha256[BLOB_DIGEST], bool *ret_deleted)
{
	const struct store_value digest = store_blob(sha256, BLOB_DIGEST);
	int rc;

	*ret_deleted = false;
	rc = store_read(p->store, STORE_PACKAGE_DELETED, &digest, 1, found, ret_deleted);
	return rc < 0 ? rc : 0;
}

int passed_delete_tx(struct store_tx *tx, const uint8_t sha256[BLOB_DIGEST])
{
	const struct store_value values[] = {store_blob(sha256, BLOB_DIGEST),
	                                     store_integer(moment_now_ms())};
	const struct store_value kept = store_integer(PACKAGES_DELETED_KEPT);
	int rc = store_tx_run(tx, STORE_PACKAGE_DELETED_ADD, values, 2, NULL, NULL);

	return rc ? rc : store_tx_run(tx, STORE_PACKAGE_DELETED_DROP_OLD, &kept, 1, NULL, NULL);
}

int passed_bring_tx(struct store_tx *tx, const uint8_t sha256[BLOB_DIGEST])
{
	const struct store_value digest = store_blob(sha256, BLOB_DIGEST);

	return store_tx_run(tx, STORE_PACKAGE_DELETED_DROP, &digest, 1, NULL, NULL);
}

/* ---- refused ----------------------------------------------------------------------------- */

bool passed_is_refused(struct packages *p, const uint8_t sha256[BLOB_DIGEST],
                       char ret_why[PACKAGES_ERROR_MAX])
{
	bool is = false;

	(void)pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < SL_ARRAY_LEN(p->refused) && !is; i++) {
		const struct refused *r = &p->refused[i];

		is = r->why[0] && memcmp(r->sha256, sha256, sizeof(r->sha256)) == 0;
		if (is)
			(void)snprintf(ret_why, PACKAGES_ERROR_MAX, "%s", r->why);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return is;
}

/* Another look may have more luck with what is not of the package itself. */
static bool is_lasting(int code)
{
	return code == SL_EMISMATCH || code == SL_EMALFORMED || code == SL_ELIMIT ||
	       code == SL_EUNSUPPORTED || code == SL_EINVAL || code == SL_ERANGE ||
	       code == SL_EEXPIRED;
}

void passed_refuse(struct packages *p, const uint8_t sha256[BLOB_DIGEST], int code,
                   unsigned keys_turn, const char *why)
{
	struct refused *r;

	if (!is_lasting(code) || why[0] == '\0')
		return;
	(void)pthread_mutex_lock(&p->lock);
	if (keys_turn == p->keys_turn) {
		r = &p->refused[p->refused_next++ % SL_ARRAY_LEN(p->refused)];
		memcpy(r->sha256, sha256, sizeof(r->sha256));
		(void)snprintf(r->why, sizeof(r->why), "%s", why);
	}
	(void)pthread_mutex_unlock(&p->lock);
}

unsigned passed_keys_turn(struct packages *p)
{
	unsigned turn;

	(void)pthread_mutex_lock(&p->lock);
	turn = p->keys_turn;
	(void)pthread_mutex_unlock(&p->lock);
	return turn;
}

void passed_keys_changed(struct packages *p)
{
	(void)pthread_mutex_lock(&p->lock);
	p->keys_turn++;
	memset(p->refused, 0, sizeof(p->refused));
	(void)pthread_mutex_unlock(&p->lock);
}
