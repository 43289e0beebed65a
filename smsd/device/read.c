/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of devices. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/device/device_priv.h"

static const char *const states[] = {
#define X(NAME, name, help) name,
        DEVICE_STATES(X)
#undef X
};

const char *device_state_name(enum device_state state)
{
	return (unsigned)state < DEVICE_STATE_END ? states[state] : "?";
}

void device_fini(struct device *device)
{
	free(device->comment);
	free(device->document);
	json_decref(device->settings);
	json_decref(device->capabilities);
	json_decref(device->health);
	*device = (struct device){0};
}

struct actor device_actor(const char *name, const char *from)
{
	struct actor actor = {.via = "device"};

	(void)snprintf(actor.name, sizeof(actor.name), "%s", name);
	(void)snprintf(actor.from, sizeof(actor.from), "%s", from);
	return actor;
}

char *device_json_text(const json_t *value)
{
	return value ? json_dumps(value, JSON_COMPACT) : NULL;
}

/* ---- a row ------------------------------------------------------------------------------- */

static int take_state(const struct store_row *row, unsigned column, enum device_state *ret)
{
	for (unsigned i = 0; i < DEVICE_STATE_END; i++)
		if (strcmp(states[i], store_row_text(row, column)) == 0) {
			*ret = i;
			return 0;
		}
	return SL_EIO;
}

static int take_json(const struct store_row *row, unsigned column, json_t **ret)
{
	if (store_row_is_null(row, column))
		return 0;
	*ret = json_loads(store_row_text(row, column), 0, NULL);
	return *ret ? 0 : SL_EIO;
}

/* Zeros for a null; a value of another length is a damaged database's. */
static int take_bytes(const struct store_row *row, unsigned column, uint8_t *ret, size_t size)
{
	size_t len;
	const void *bytes = store_row_blob(row, column, &len);

	if (store_row_is_null(row, column))
		return 0;
	if (len != size)
		return SL_EIO;
	memcpy(ret, bytes, size);
	return 0;
}

static int take_values(const struct store_row *row, struct device_row *r)
{
	struct device *d = &r->device;
	int rc = take_state(row, 3, &d->state);

	if (rc == 0)
		rc = take_json(row, 5, &d->settings);
	if (rc == 0)
		rc = take_json(row, 6, &d->capabilities);
	if (rc == 0)
		rc = take_json(row, 7, &d->health);
	if (rc == 0)
		rc = take_bytes(row, 8, d->document_sha256, sizeof(d->document_sha256));
	if (rc == 0)
		rc = take_bytes(row, 9, d->sealing_key, sizeof(d->sealing_key));
	if (rc == 0)
		rc = take_bytes(row, 15, d->wanted_sha256, sizeof(d->wanted_sha256));
	r->has_next = !store_row_is_null(row, 16);
	return rc ? rc : take_bytes(row, 16, r->next, sizeof(r->next));
}

int device_row_take(void *arg, const struct store_row *row)
{
	struct device_row *r = arg;
	struct device *d = &r->device;
	int rc;

	*r = (struct device_row){.found = true};
	d->id = store_row_integer(row, 0);
	(void)snprintf(d->name, sizeof(d->name), "%s", store_row_text(row, 1));
	d->revision = store_row_integer(row, 2);
	d->comment = strdup(store_row_text(row, 4));
	d->certificate_ends_ms = store_row_integer(row, 10);
	d->made_ms = store_row_integer(row, 11);
	d->enrolled_ms = store_row_integer(row, 12);
	d->seen_ms = store_row_integer(row, 13);
	d->wanted = store_row_integer(row, 14);
	rc = d->comment ? take_values(row, r) : SL_ENOMEM;
	if (rc != 0) {
		device_fini(d);
		r->found = false;
	}
	return rc;
}

int device_integer_take(void *arg, const struct store_row *row)
{
	*(int64_t *)arg = store_row_integer(row, 0);
	return 0;
}

/* ---- one, and all ------------------------------------------------------------------------ */

static int told(const struct device_row *row, const char *name, int rc, struct problem *problem)
{
	if (rc < 0)
		return problem_add(problem, rc, "", "", "the device \"%.64s\" cannot be read: %s",
		                   name, err_text(rc));
	if (!row->found)
		return problem_add(problem, SL_ENOENT, "", "look at the list of devices",
		                   "there is no device \"%.64s\"", name);
	return 0;
}

static int take_document(void *arg, const struct store_row *row)
{
	struct device *device = arg;

	if (store_row_is_null(row, 0))
		return 0;
	device->document = strdup(store_row_text(row, 0));
	return device->document ? 0 : SL_ENOMEM;
}

static int add_document(struct store *store, struct device *device, struct problem *problem)
{
	const struct store_value value = store_integer(device->id);
	int rc = store_read(store, STORE_DEVICE_IN_FORCE, &value, 1, take_document, device);

	if (rc == 0)
		return 0;
	(void)problem_add(problem, rc, "", "", "the document of \"%s\" cannot be read: %s",
	                  device->name, err_text(rc));
	device_fini(device);
	return rc;
}

int device_get(struct store *store, const char *name, struct device *ret_device,
               struct problem *problem)
{
	const struct store_value value = store_text(name);
	struct device_row row = {.found = false};
	int rc = store_read(store, STORE_DEVICE_BY_NAME, &value, 1, device_row_take, &row);

	rc = told(&row, name, rc, problem);
	if (rc == 0)
		rc = add_document(store, &row.device, problem);
	if (rc == 0)
		*ret_device = row.device;
	return rc;
}

int device_get_id(struct store *store, int64_t id, struct device *ret_device,
                  struct problem *problem)
{
	const struct store_value value = store_integer(id);
	struct device_row row = {.found = false};
	int rc = store_read(store, STORE_DEVICE_BY_ID, &value, 1, device_row_take, &row);

	rc = told(&row, "of this id", rc, problem);
	if (rc == 0)
		rc = add_document(store, &row.device, problem);
	if (rc == 0)
		*ret_device = row.device;
	return rc;
}

int device_get_tx(struct store_tx *tx, const char *name, struct device_row *ret_row,
                  struct problem *problem)
{
	const struct store_value value = store_text(name);
	int rc;

	*ret_row = (struct device_row){.found = false};
	rc = store_tx_run(tx, STORE_DEVICE_BY_NAME, &value, 1, device_row_take, ret_row);
	return told(ret_row, name, rc, problem);
}

struct listing {
	device_fn *fn;
	void *arg;
};

static int list_row(void *arg, const struct store_row *row)
{
	const struct listing *listing = arg;
	struct device_row r;
	int rc = device_row_take(&r, row);

	if (rc != 0)
		return rc;
	rc = listing->fn(listing->arg, &r.device);
	device_fini(&r.device);
	return rc;
}

int device_list(struct store *store, const char *after, unsigned limit, device_fn *fn, void *arg)
{
	const struct store_value values[] = {store_text(after), store_integer(limit)};
	struct listing listing = {.fn = fn, .arg = arg};

	return store_read(store, STORE_DEVICE_LIST, values, 2, list_row, &listing);
}
