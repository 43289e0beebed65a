/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing: the shape, what the shape cannot say, packages. */
#include "lib/licence/licence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "lib/conf/name.h"
#include "lib/conf/object.h"
#include "lib/package/package.h"

/* ---- rows -------------------------------------------------------------------------------- */

static const struct conf_field term_rows[] = {
        CONF_ROW("from", TEXT, "First day, 2026-01-31; left out: always was.", .max = 10),
        CONF_ROW("until", TEXT, "First day without it; left out: no end.", .max = 10),
        CONF_ROW("grace_days", UINT, "Days behind `until` on which it goes on, with warnings.",
                 .min = 1, .max = LICENCE_GRACE_DAYS_MAX, .fallback = "30"),
};
static const struct conf_object term = CONF_ROWS("term", term_rows);

static const struct conf_field capability_rows[] = {
#define X(ID, key, title, denied) CONF_ROW(key, OBJECT, title, .object = &term),
#include "lib/licence/capability.def"
#undef X
};
static const struct conf_object capabilities = CONF_ROWS("capabilities", capability_rows);

static const struct conf_field device_rows[] = {
        CONF_ROW("name", TEXT, "Name of the device; \"*\": all that have no entry of their own.",
                 .flags = CONF_REQUIRED, .min = 1, .max = CONF_NAME_SHORT),
        CONF_ROW("capabilities", OBJECT, "What it may; what is left out is denied.",
                 .flags = CONF_REQUIRED, .object = &capabilities),
};
static const struct conf_object device = CONF_ROWS("device", device_rows);

static const struct conf_field licence_rows[] = {
        CONF_ROW("devices", OBJECTS, "Who may what.", .flags = CONF_REQUIRED, .object = &device,
                 .max = LICENCE_DEVICES_MAX),
};
const struct conf_object licence_shape = CONF_ROWS("licence", licence_rows);

/* ---- what the rows cannot say ------------------------------------------------------------ */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

const char *licence_day(int64_t seconds, char text[LICENCE_DAY_TEXT])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	text[0] = '\0';
	if (seconds != 0 && gmtime_r(&t, &tm))
		(void)strftime(text, LICENCE_DAY_TEXT, "%Y-%m-%d", &tm);
	return text;
}

/* "2026-02-30" is no day: what is printed of it again has to be the same. */
static bool read_day(const char *text, int64_t *ret)
{
	struct tm tm = {.tm_isdst = 0};
	char again[LICENCE_DAY_TEXT];

	*ret = 0;
	if (text[0] == '\0')
		return true;
	if (strlen(text) != 10 || text[4] != '-' || text[7] != '-' ||
	    strspn(text, "0123456789-") != 10)
		return false;
	tm.tm_year = (int)strtol(text, NULL, 10) - 1900;
	tm.tm_mon = (int)strtol(text + 5, NULL, 10) - 1;
	tm.tm_mday = (int)strtol(text + 8, NULL, 10);
	*ret = (int64_t)timegm(&tm);
	return *ret > 0 && strcmp(licence_day(*ret, again), text) == 0;
}

static void read_term(const json_t *value, struct licence_term *ret)
{
	const json_t *grace = json_object_get(value, "grace_days");

	*ret = (struct licence_term){.given = true, .grace_days = LICENCE_GRACE_DAYS};
	(void)read_day(text_of(value, "from"), &ret->from);
	(void)read_day(text_of(value, "until"), &ret->until);
	if (grace)
		ret->grace_days = (uint32_t)json_integer_value(grace);
}

/* Where something is wrong: a device by its number, a capability, a day. */
struct place {
	struct conf_errors *errs;
	size_t device;
	const char *capability;
};

static void wrong(const struct place *p, const char *key, const char *remedy, const char *text)
{
	char pointer[128];

	(void)snprintf(pointer, sizeof(pointer), "/devices/%zu%s%s/%s", p->device,
	               p->capability ? "/capabilities/" : "", p->capability ? p->capability : "",
	               key);
	(void)conf_errors_add_at(p->errs, "", 0, 0, pointer, SL_EINVAL, remedy, "%s", text);
}

static void check_term(const struct place *p, const json_t *value)
{
	int64_t from, until;
	bool good = true;

	if (!read_day(text_of(value, "from"), &from)) {
		wrong(p, "from", "write it as 2026-01-31", "this is no day");
		good = false;
	}
	if (!read_day(text_of(value, "until"), &until)) {
		wrong(p, "until", "write it as 2026-01-31", "this is no day");
		good = false;
	}
	if (good && until != 0 && until <= from)
		wrong(p, "until", "name a later day", "it ends before it begins");
}

static bool is_there_before(const json_t *devices, size_t index, const char *name)
{
	for (size_t i = 0; i < index; i++)
		if (strcmp(text_of(json_array_get(devices, i), "name"), name) == 0)
			return true;
	return false;
}

static void check_device(struct place *p, const json_t *devices)
{
	const json_t *value = json_array_get(devices, p->device);
	const char *name = text_of(value, "name");
	const json_t *given = json_object_get(value, "capabilities");

	p->capability = NULL;
	if (strcmp(name, LICENCE_EVERYONE) != 0 && !conf_is_name(name, false))
		wrong(p, "name", "write the device's name, or \"*\"", "no device has such a name");
	else if (is_there_before(devices, p->device, name))
		wrong(p, "name", "put what it may into one entry", "this device is there already");
	for (unsigned c = 0; c < LICENCE_CAPABILITY_END; c++) {
		const json_t *one = json_object_get(given, licence_capability_name(c));

		p->capability = licence_capability_name(c);
		if (one)
			check_term(p, one);
	}
}

static int check_devices(json_t *licence, struct conf_errors *errs, json_t **ret_licence)
{
	const json_t *devices = json_object_get(licence, "devices");
	struct place place = {.errs = errs};
	int rc;

	for (; place.device < json_array_size(devices); place.device++)
		check_device(&place, devices);
	rc = conf_errors_code(errs);
	if (rc == 0)
		*ret_licence = licence;
	else
		json_decref(licence);
	return rc;
}

int licence_read(const void *text, size_t len, struct conf_errors *errs, json_t **ret_licence)
{
	json_t *value;
	int rc = len <= LICENCE_JSON_MAX
	                 ? conf_object_read(&licence_shape, text, len, errs, &value)
	                 : conf_errors_add(errs, NULL, SL_ELIMIT, "", "the licence is too long");

	return rc == 0 ? check_devices(value, errs, ret_licence) : rc;
}

int licence_of_node(const struct conf_node *node, struct conf_errors *errs, json_t **ret_licence)
{
	json_t *value;
	int rc = conf_object_of_node(&licence_shape, node, errs, &value);

	return rc == 0 ? check_devices(value, errs, ret_licence) : rc;
}

/* ---- a device's part --------------------------------------------------------------------- */

bool licence_find(const json_t *licence, const char *device_name, struct licence_terms *ret_terms)
{
	const json_t *devices = json_object_get(licence, "devices"), *one, *found = NULL;
	size_t i;

	json_array_foreach(devices, i, one)
	{
		const char *name = text_of(one, "name");

		if (strcmp(name, device_name) == 0) {
			found = one;
			break;
		}
		if (strcmp(name, LICENCE_EVERYONE) == 0)
			found = one;
	}
	if (!found)
		return false;
	*ret_terms = (struct licence_terms){.of = {{.given = false}}};
	for (unsigned c = 0; c < LICENCE_CAPABILITY_END; c++) {
		const json_t *value = json_object_get(json_object_get(found, "capabilities"),
		                                      licence_capability_name(c));

		if (value)
			read_term(value, &ret_terms->of[c]);
	}
	return true;
}

const char *licence_names(const json_t *licence, char *text, size_t size)
{
	const json_t *devices = json_object_get(licence, "devices");
	size_t count = json_array_size(devices), shown = SL_MIN(count, (size_t)3), len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < shown && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s", i ? ", " : "",
		                        text_of(json_array_get(devices, i), "name"));
	if (count > shown && len < size)
		(void)snprintf(text + len, size - len, " and %zu more", count - shown);
	return text;
}

/* ---- packages ---------------------------------------------------------------------------- */

static int refuse_unsigned(struct pki_error *err)
{
	return pki_error_set(err, SL_EPERM,
	                     "name the authority's public key in device.licence_keys; if it is "
	                     "there, get the file again",
	                     "the licence is not signed by the authority");
}

static int read_section(const struct package *p, json_t **ret_licence, struct pki_error *err)
{
	struct conf_errors errs;
	struct buf text;
	int rc;

	conf_errors_init(&errs);
	buf_init(&text, LICENCE_JSON_MAX);
	rc = package_read(p, LICENCE_SECTION, &text);
	if (rc != 0)
		pki_error_set(err, rc, "get the file again", "the package has no licence in it: %s",
		              err_text(rc));
	else if ((rc = licence_read(buf_text(&text), text.len, &errs, ret_licence)) != 0)
		pki_error_set(err, rc, "get another one, or update this device",
		              "the licence is not understood: %.100s: %.300s",
		              errs.count ? errs.items[0].pointer : "",
		              errs.count ? errs.items[0].text : err_text(rc));
	buf_fini(&text);
	conf_errors_fini(&errs);
	return rc;
}

int licence_open(const void *package, size_t len, const struct package_keys *keys,
                 struct package_info *ret_info, json_t **ret_licence, struct pki_error *err)
{
	struct package *p;
	int rc = len <= LICENCE_MAX ? package_open(package, len, PACKAGE_LICENCE, keys, &p, err)
	                            : pki_error_set(err, SL_ELIMIT, "name a licence",
	                                            "the file is too long for a licence");

	if (rc == SL_EPERM)
		return refuse_unsigned(err);
	if (rc != 0)
		return rc;
	rc = read_section(p, ret_licence, err);
	if (rc == 0)
		*ret_info = *package_info(p);
	package_close(p);
	return rc;
}

int licence_write(const struct package_info *info, const json_t *licence, EVP_PKEY *key,
                  struct buf *out)
{
	struct package_info of_licence = *info;
	char *text = json_dumps(licence, JSON_COMPACT | JSON_SORT_KEYS);
	struct package_section section = {.name = LICENCE_SECTION, .data = text};
	int rc = SL_ENOMEM;

	of_licence.kind = PACKAGE_LICENCE;
	if (text) {
		section.len = strlen(text);
		rc = section.len <= LICENCE_JSON_MAX
		             ? package_write(&of_licence, &section, 1, key, out)
		             : SL_ELIMIT;
	}
	free(text);
	return rc;
}
