/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of packages, of their sources and of the keys that they are believed by. */
#include "smsd/api/shape.h"
#include "smsd/object/blob.h"
#include "smsd/package/package.h"

enum { NAME = 64, KIND = 32, TEXT_LONG = 4096, LIST = 4096 };

#define ID_ROW                                                                                     \
	CONF_ROW("id", UINT, "What it is called.", .flags = CONF_REQUIRED, .max = API_NUMBER_MAX)
#define KIND_ROW CONF_ROW("kind", TEXT, "What it holds.", .flags = CONF_REQUIRED, .max = KIND)
#define PACKAGE_NAME_ROW                                                                           \
	CONF_ROW("name", TEXT, "Its name.", .flags = CONF_REQUIRED, .max = PACKAGE_NAME_MAX)
#define VERSION_ROW                                                                                \
	CONF_ROW("version", TEXT, "Its version.", .flags = CONF_REQUIRED,                          \
	         .max = PACKAGE_VERSION_MAX)

/* ---- keys -------------------------------------------------------------------------------- */

static const struct conf_field key_request_rows[] = {
        CONF_ROW("name", NAME, "What to call it.", .flags = CONF_REQUIRED, .max = NAME),
        CONF_ROW("pem", TEXT, "One Ed25519 public key (BEGIN PUBLIC KEY).",
                 .flags = CONF_REQUIRED | CONF_LINES, .max = TEXT_LONG),
};
const struct conf_object api_shape_package_key_request = CONF_ROWS("key", key_request_rows);

static const struct conf_field key_rows[] = {
        CONF_ROW("name", TEXT, "Its name.", .flags = CONF_REQUIRED, .max = NAME),
        CONF_ROW("fingerprint", TEXT, "SHA-256 of the key.", .flags = CONF_REQUIRED, .max = 64),
        CONF_ROW("made", TIME, "Since when it is believed.", .flags = CONF_REQUIRED),
};
static const struct conf_object key_object = CONF_ROWS("key", key_rows);
static const struct conf_field keys_rows[] = {
        CONF_ROW("items", OBJECTS, "By name.", .flags = CONF_REQUIRED, .object = &key_object),
};
const struct conf_object api_shape_package_keys = CONF_ROWS("page", keys_rows);

/* ---- sources ----------------------------------------------------------------------------- */

#define ADDRESS_ROW                                                                                \
	CONF_ROW("address", TEXT,                                                                  \
	         "A directory of the SMS's host (/PATH), or https://NAME/PATH: index.json and "    \
	         "what it names are there.",                                                       \
	         .flags = CONF_REQUIRED, .max = PACKAGES_ADDRESS_MAX - 1)
#define CA_ROW                                                                                     \
	CONF_ROW("ca", TEXT, "PEM of what verifies it; empty: the system's CA certificates.",      \
	         .flags = CONF_LINES, .max = PACKAGES_CA_MAX, .fallback = "")
#define MINUTES_ROW                                                                                \
	CONF_ROW("minutes", UINT, "Between two looks; 0: when asked alone.",                       \
	         .max = PACKAGES_MINUTES_MAX, .fallback = "10")
#define AUTOMATIC_ROW                                                                              \
	CONF_ROW("automatic", NAMES,                                                               \
	         "Kinds of which a newer package is installed when it comes; others by hand.",     \
	         .max = PACKAGE_KIND_END)

static const struct conf_field source_request_rows[] = {
        CONF_ROW("name", NAME, "What to call it.", .flags = CONF_REQUIRED, .max = NAME),
        ADDRESS_ROW,
        CA_ROW,
        MINUTES_ROW,
        AUTOMATIC_ROW,
};
const struct conf_object api_shape_package_source_request =
        CONF_ROWS("source", source_request_rows);

static const struct conf_field source_change_rows[] = {ADDRESS_ROW, CA_ROW, MINUTES_ROW,
                                                       AUTOMATIC_ROW};
const struct conf_object api_shape_package_source_change = CONF_ROWS("source", source_change_rows);

static const struct conf_field source_rows[] = {
        CONF_ROW("name", TEXT, "Its name.", .flags = CONF_REQUIRED, .max = NAME),
        ADDRESS_ROW,
        CA_ROW,
        MINUTES_ROW,
        AUTOMATIC_ROW,
        CONF_ROW("revision", UINT, "Counts its changes.", .flags = CONF_REQUIRED,
                 .max = API_NUMBER_MAX),
        CONF_ROW("checking", BOOL, "It is looked at now, or is about to be.",
                 .flags = CONF_REQUIRED),
        CONF_ROW("checked", TIME, "When a look ended last."),
        CONF_ROW("error", TEXT, "What was wrong then.", .max = PACKAGES_ERROR_MAX),
};
const struct conf_object api_shape_package_source = CONF_ROWS("source", source_rows);
static const struct conf_field sources_rows[] = {
        CONF_ROW("items", OBJECTS, "By name.", .flags = CONF_REQUIRED,
                 .object = &api_shape_package_source),
};
const struct conf_object api_shape_package_sources = CONF_ROWS("page", sources_rows);

/* ---- packages ---------------------------------------------------------------------------- */

static const struct conf_field import_rows[] = {
        CONF_ROW("upload", UINT, "Id of the upload; all its bytes are here.",
                 .flags = CONF_REQUIRED, .max = API_NUMBER_MAX),
};
const struct conf_object api_shape_package_import = CONF_ROWS("package", import_rows);

static const struct conf_field category_rows[] = {
        CONF_ROW("category", TEXT, "Its name.", .flags = CONF_REQUIRED, .max = 64),
        CONF_ROW("title", TEXT, "Its name for people.", .flags = CONF_REQUIRED, .max = 128),
        CONF_ROW("names", UINT, "So many names are in it.", .flags = CONF_REQUIRED,
                 .max = API_NUMBER_MAX),
};
static const struct conf_object category_object = CONF_ROWS("category", category_rows);

static const struct conf_field package_rows[] = {
        ID_ROW,
        KIND_ROW,
        PACKAGE_NAME_ROW,
        VERSION_ROW,
        CONF_ROW("description", TEXT, "Of whoever made it.", .flags = CONF_REQUIRED,
                 .max = PACKAGE_DESCRIPTION_MAX),
        CONF_ROW("created", TIME, "When it was made.", .flags = CONF_REQUIRED),
        CONF_ROW("imported", TIME, "When it came.", .flags = CONF_REQUIRED),
        CONF_ROW("source", TEXT, "Where from; empty: by hand.", .flags = CONF_REQUIRED,
                 .max = NAME),
        CONF_ROW("signer", TEXT, "Fingerprint of the key that signed it.", .flags = CONF_REQUIRED,
                 .max = 64),
        CONF_ROW("size", UINT, "Bytes.", .flags = CONF_REQUIRED, .max = PACKAGE_MAX),
        CONF_ROW("sha256", TEXT, "Of its bytes.", .flags = CONF_REQUIRED, .max = 64),
        CONF_ROW("summary", ANY, "How much is in it, by its kind.", .flags = CONF_REQUIRED),
        CONF_ROW("installed", BOOL, "It is the one of its kind.", .flags = CONF_REQUIRED),
        CONF_ROW("policy", ANY, "Of one package with a decryption policy: it."),
        CONF_ROW("overridden", BOOL,
                 "Of an installed decryption policy: an object of its name takes its place."),
};
const struct conf_object api_shape_package = CONF_ROWS("package", package_rows);
static const struct conf_field packages_rows[] = {
        CONF_ROW("items", OBJECTS, "By kind, latest first.", .flags = CONF_REQUIRED,
                 .object = &api_shape_package),
};
const struct conf_object api_shape_packages = CONF_ROWS("page", packages_rows);

static const struct conf_field side_rows[] = {
        CONF_ROW("count", UINT, "So many.", .flags = CONF_REQUIRED, .max = API_NUMBER_MAX),
        CONF_ROW("first", NAMES, "The first of them.", .flags = CONF_REQUIRED, .max = LIST),
};
static const struct conf_object side_object = CONF_ROWS("names", side_rows);
static const struct conf_field diff_rows[] = {
        CONF_ROW("from", TEXT, "Version that is installed; none without it.",
                 .max = PACKAGE_VERSION_MAX),
        CONF_ROW("to", TEXT, "Version of this one.", .flags = CONF_REQUIRED,
                 .max = PACKAGE_VERSION_MAX),
        CONF_ROW("added", OBJECT, "Domains or certificates that it brings.", .flags = CONF_REQUIRED,
                 .object = &side_object),
        CONF_ROW("removed", OBJECT, "And leaves out.", .flags = CONF_REQUIRED,
                 .object = &side_object),
        CONF_ROW("categories_added", OBJECT, "Categories that it brings.", .flags = CONF_REQUIRED,
                 .object = &side_object),
        CONF_ROW("categories_removed", OBJECT, "And leaves out.", .flags = CONF_REQUIRED,
                 .object = &side_object),
};
const struct conf_object api_shape_package_diff = CONF_ROWS("difference", diff_rows);

static const struct conf_field device_rows[] = {
        CONF_ROW("name", TEXT, "Its name.", .flags = CONF_REQUIRED, .max = 128),
};
static const struct conf_object device_object = CONF_ROWS("device", device_rows);
static const struct conf_field installed_rows[] = {
        CONF_ROW("package", OBJECT, "As it is now.", .flags = CONF_REQUIRED,
                 .object = &api_shape_package),
        CONF_ROW("devices", OBJECTS,
                 "Enrolled devices that have something else than they would get now: distribute.",
                 .flags = CONF_REQUIRED, .object = &device_object),
};
const struct conf_object api_shape_package_installed = CONF_ROWS("package", installed_rows);

static const struct conf_field install_rows[] = {
        CONF_ROW("package", UINT, "Which; 0: uninstalled.", .flags = CONF_REQUIRED,
                 .max = API_NUMBER_MAX),
        KIND_ROW,
        PACKAGE_NAME_ROW,
        VERSION_ROW,
        CONF_ROW("who", TEXT, "Who did it.", .flags = CONF_REQUIRED, .max = 128),
        CONF_ROW("time", TIME, "When.", .flags = CONF_REQUIRED),
};
static const struct conf_object install_object = CONF_ROWS("install", install_rows);
static const struct conf_field history_rows[] = {
        CONF_ROW("items", OBJECTS, "Newest first.", .flags = CONF_REQUIRED,
                 .object = &install_object),
};
const struct conf_object api_shape_package_history = CONF_ROWS("page", history_rows);

static const struct conf_field categories_rows[] = {
        CONF_ROW("items", OBJECTS, "In the package's order.", .flags = CONF_REQUIRED,
                 .object = &category_object),
};
const struct conf_object api_shape_categories = CONF_ROWS("page", categories_rows);
