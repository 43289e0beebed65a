/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/object/installed.h"

#include <string.h>

#include "lib/base/err.h"
#include "smsd/store/store.h"

static bool take_file(const struct store_row *row, unsigned column, struct installed_file *to)
{
	size_t len;
	const void *sha256 = store_row_blob(row, column + 1, &len);

	to->size = (uint64_t)store_row_integer(row, column);
	if (len == sizeof(to->sha256))
		memcpy(to->sha256, sha256, len);
	return len == sizeof(to->sha256);
}

/* Rows: kind; size and digest of package, key and content; the content itself; the summary. */
static int take(void *arg, const struct store_row *row)
{
	struct installed_packages *packages = arg;
	enum package_kind kind = package_kind_find(store_row_text(row, 0));
	struct installed *to = kind < PACKAGE_KIND_END ? &packages->of[kind] : NULL;
	bool good;

	if (!to) /* of a newer smsd */
		return 0;
	good = take_file(row, 1, &to->package) && take_file(row, 3, &to->key) &&
	       (store_row_is_null(row, 6) || take_file(row, 5, &to->content));
	json_decref(to->policy);
	json_decref(to->summary);
	to->policy = store_row_is_null(row, 7) ? NULL : json_loads(store_row_text(row, 7), 0, NULL);
	to->summary = json_loads(store_row_text(row, 8), 0, NULL);
	to->there = true;
	if (!good || !to->summary || (!to->policy && !store_row_is_null(row, 7)))
		return SL_EIO;
	return 0;
}

static int finish(int rc, struct installed_packages *packages)
{
	if (rc < 0)
		installed_fini(packages);
	return rc < 0 ? rc : 0;
}

int installed_load(struct store *store, struct installed_packages *ret)
{
	memset(ret, 0, sizeof(*ret));
	return finish(store_read(store, STORE_PACKAGES_INSTALLED, NULL, 0, take, ret), ret);
}

int installed_load_tx(struct store_tx *tx, struct installed_packages *ret)
{
	memset(ret, 0, sizeof(*ret));
	return finish(store_tx_run(tx, STORE_PACKAGES_INSTALLED, NULL, 0, take, ret), ret);
}

void installed_fini(struct installed_packages *packages)
{
	for (unsigned kind = 0; kind < PACKAGE_KIND_END; kind++) {
		json_decref(packages->of[kind].policy);
		json_decref(packages->of[kind].summary);
	}
	memset(packages, 0, sizeof(*packages));
}
