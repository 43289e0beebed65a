/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the bodies between a device and its SMS. */
#include "lib/remote/remote.h"

#include "lib/base/base64.h"
#include "lib/conf/name.h"

enum {
	HEX_SHA256 = 64,
	PEM_MAX = 64 * 1024,
	TOKEN_MAX = 128,
	BASE64_32 = BASE64_CHARS(32),
	TEXT_MAX = 1024,
	SUITES_MAX = 256,
	DOCUMENT_MAX = 32 * 1024 * 1024,
};

/* What the device can do (R34, R50): from this, never from a model, the SMS decides. */
static const struct conf_field capability_rows[] = {
        CONF_ROW("model", TEXT, "Model, \"vTPS\".", .max = 64),
        CONF_ROW("version", TEXT, "Version of the software.", .max = 64),
        CONF_ROW("document_version", UINT, "Version of the documents that it reads.", .max = 1000),
        CONF_ROW("files", PATH, "Where files of the SMS are laid down.", .max = 1024),
        CONF_ROW("certificates_max", UINT, "Certificates of a document.", .max = 1000000),
        CONF_ROW("protocols", NAMES, "TLS versions that the library has.", .max = 16),
        CONF_ROW("suites", NAMES, "Cipher suites that the library has, by IANA name.",
                 .max = SUITES_MAX),
        CONF_ROW("features", NAMES, "Names of features that not every version has.", .max = 256),
};
static const struct conf_object capabilities = CONF_ROWS("capabilities", capability_rows);

static const struct conf_field health_rows[] = {
        CONF_ROW("uptime_s", UINT, "Seconds since tpsd started.", .max = UINT32_MAX),
        CONF_ROW("sessions", UINT, "Sessions that are inspected.", .max = UINT32_MAX),
        CONF_ROW("inspection", TEXT, "\"on\", \"panic\", \"fallback\" or \"off\".", .max = 32),
        CONF_ROW("keys_missing", UINT, "Private keys of the document that it has not.",
                 .max = 1000000),
        CONF_ROW("memory_kib", UINT, "Resident memory of all its processes.", .max = UINT32_MAX),
};
static const struct conf_object health = CONF_ROWS("health", health_rows);

static const struct conf_field item_rows[] = {
        CONF_ROW("pointer", TEXT, "Place in the document (RFC 6901).", .max = 512),
        CONF_ROW("notice", BOOL, "Worth reading; refuses nothing."),
        CONF_ROW("text", TEXT, "What is the matter.", .flags = CONF_REQUIRED, .max = TEXT_MAX),
        CONF_ROW("remedy", TEXT, "What to do about it.", .max = TEXT_MAX),
};
static const struct conf_object item = CONF_ROWS("item", item_rows);

static const struct conf_field enrol_rows[] = {
        CONF_ROW("token", TEXT, "The token.", .flags = CONF_REQUIRED | CONF_SECRET,
                 .max = TOKEN_MAX),
        CONF_ROW("request", TEXT, "Signing request in PEM; its subject counts for nothing.",
                 .flags = CONF_REQUIRED | CONF_LINES, .max = PEM_MAX),
        CONF_ROW("sealing_key", TEXT, "X25519 public key that keys are sealed for, base64.",
                 .flags = CONF_REQUIRED, .min = BASE64_32, .max = BASE64_32),
        CONF_ROW("capabilities", OBJECT, "What the device can do.", .flags = CONF_REQUIRED,
                 .object = &capabilities),
        CONF_ROW("document", TEXT, "The canonical document in force; \"\" none.",
                 .flags = CONF_LINES, .max = DOCUMENT_MAX),
};
const struct conf_object remote_shape_enrol = CONF_ROWS("enrol", enrol_rows);

static const struct conf_field enrolled_rows[] = {
        CONF_ROW("name", NAME, "The device's name.", .flags = CONF_REQUIRED,
                 .max = CONF_NAME_SHORT),
        CONF_ROW("certificate", TEXT, "The device's certificate, PEM.",
                 .flags = CONF_REQUIRED | CONF_LINES, .max = PEM_MAX),
        CONF_ROW("ca", TEXT, "The device CA's certificate, PEM.",
                 .flags = CONF_REQUIRED | CONF_LINES, .max = PEM_MAX),
};
const struct conf_object remote_shape_enrolled = CONF_ROWS("enrolled", enrolled_rows);

static const struct conf_field renew_rows[] = {
        CONF_ROW("request", TEXT, "Signing request for a new key, PEM.",
                 .flags = CONF_REQUIRED | CONF_LINES, .max = PEM_MAX),
};
const struct conf_object remote_shape_renew = CONF_ROWS("renew", renew_rows);

static const struct conf_field renewed_rows[] = {
        CONF_ROW("certificate", TEXT, "The device's certificate, PEM.",
                 .flags = CONF_REQUIRED | CONF_LINES, .max = PEM_MAX),
};
const struct conf_object remote_shape_renewed = CONF_ROWS("renewed", renewed_rows);

/* What is left and not when it ends: the two clocks may differ by more than a panic lasts. */
static const struct conf_field panic_step_rows[] = {
        CONF_ROW("id", UINT, "The SMS's number of it.", .flags = CONF_REQUIRED,
                 .max = REMOTE_COUNT_MAX),
        CONF_ROW("step", UINT, "1 except, 2 stop, 3 fallback.", .flags = CONF_REQUIRED,
                 .min = REMOTE_PANIC_NONE + 1, .max = REMOTE_PANIC_END - 1),
        CONF_ROW("what", TEXT, "Of step 1: \"client\", \"server\" or \"domain\".", .max = 16),
        CONF_ROW("value", TEXT, "Of step 1: the address, or the domain.",
                 .max = REMOTE_PANIC_VALUE_MAX),
        CONF_ROW("left_ms", UINT, "How long it is to be on from now; 0: until it is cleared.",
                 .max = REMOTE_COUNT_MAX),
};
static const struct conf_object panic_step = CONF_ROWS("panic step", panic_step_rows);

static const struct conf_field panic_rows[] = {
        CONF_ROW("number", UINT, "Of all that is asked for; another one with each change.",
                 .flags = CONF_REQUIRED, .max = REMOTE_COUNT_MAX),
        CONF_ROW("steps", OBJECTS, "What is to be on, and nothing else of the SMS.",
                 .flags = CONF_REQUIRED, .object = &panic_step, .max = REMOTE_PANIC_MAX),
};
static const struct conf_object panic = CONF_ROWS("panic", panic_rows);

static const struct conf_field wanted_rows[] = {
        CONF_ROW("revision", UINT, "The revision that it should have; 0: none yet.",
                 .flags = CONF_REQUIRED, .max = UINT32_MAX),
        CONF_ROW("sha256", TEXT, "Of the document's bytes, hexadecimal; \"\" with revision 0.",
                 .max = HEX_SHA256),
        CONF_ROW("size", UINT, "Bytes of the document.", .max = DOCUMENT_MAX),
        CONF_ROW("confirm_s", UINT, "The document reverts unless it proves good for so long.",
                 .max = 86400),
        CONF_ROW("licence", TEXT,
                 "SHA-256 of the licence that it should have (R38), hexadecimal; \"\" none; with "
                 "`licence`.",
                 .max = HEX_SHA256),
        CONF_ROW("panic", OBJECT, "Panic mode that people ask for at the SMS (R157); with `panic`.",
                 .object = &panic),
};
const struct conf_object remote_shape_wanted = CONF_ROWS("wanted", wanted_rows);

static const struct conf_field licensed_rows[] = {
        CONF_ROW("capability", TEXT, "\"ssl_inspection\", \"categories\", \"all_cores\".",
                 .flags = CONF_REQUIRED, .min = 1, .max = 64),
        CONF_ROW("state", TEXT, "\"allowed\", \"denied\" or \"reboot required\" (R39).",
                 .flags = CONF_REQUIRED, .min = 1, .max = 32),
        CONF_ROW("source", TEXT, "\"built-in\", \"licence\", \"grace\" or \"none\".", .max = 32),
        CONF_ROW("until", TEXT, "First day without it; \"\" no end.", .max = 16),
        CONF_ROW("text", TEXT, "Why.", .max = TEXT_MAX),
};
static const struct conf_object licensed = CONF_ROWS("licensed", licensed_rows);

static const struct conf_field licence_rows[] = {
        CONF_ROW("sha256", TEXT, "Of the SMS's licence that it has taken; \"\" none.",
                 .max = HEX_SHA256),
        CONF_ROW("refused", TEXT, "Why it takes none of the one that is wanted; \"\" it does.",
                 .max = TEXT_MAX),
        CONF_ROW("states", OBJECTS, "What it may.", .object = &licensed,
                 .max = REMOTE_LICENSED_MAX),
};
static const struct conf_object licence = CONF_ROWS("licence", licence_rows);

static const struct conf_field status_rows[] = {
        CONF_ROW("revision", UINT, "The revision that `state` is of; 0: none.", .max = UINT32_MAX),
        CONF_ROW("state", TEXT, "A state that the device tells; \"\" none.", .max = 32),
        CONF_ROW("text", TEXT, "Why, of \"refused\" and \"reverted\".", .max = TEXT_MAX),
        CONF_ROW("items", OBJECTS, "Places of the document that something is to be said of.",
                 .object = &item, .max = REMOTE_ITEMS_MAX),
        CONF_ROW("sha256", TEXT, "Of the canonical document in force; \"\" none.",
                 .max = HEX_SHA256),
        CONF_ROW("document", TEXT, "That document, when the SMS has not seen it yet.",
                 .flags = CONF_LINES, .max = DOCUMENT_MAX),
        CONF_ROW("capabilities", OBJECT, "What the device can do.", .object = &capabilities),
        CONF_ROW("health", OBJECT, "How it is.", .object = &health),
        CONF_ROW("licence", OBJECT,
                 "What it may (R36-R40); told to an SMS whose `wanted` has such a row alone.",
                 .object = &licence),
        CONF_ROW("panic", UINT,
                 "Number of the `panic` that it has; told to an SMS that has such a row alone.",
                 .max = REMOTE_COUNT_MAX),
};
const struct conf_object remote_shape_status = CONF_ROWS("status", status_rows);

#define COUNT(key, text, ...) CONF_ROW(key, UINT, text, .max = REMOTE_COUNT_MAX, __VA_ARGS__)

static const struct conf_field intake_rows[] = {
        CONF_ROW("epoch", TEXT, "Of the lines.", .flags = CONF_REQUIRED, .max = 16),
        COUNT("next", "All before this number is on the SMS's disk, or refused for good.",
              .flags = CONF_REQUIRED),
        COUNT("stored", "Lines that are new."),
        COUNT("repeated", "Lines that it had."),
        COUNT("refused", "Lines that are no events of this device and epoch, or too old."),
        COUNT("lost", "Numbers that never came."),
};
const struct conf_object remote_shape_intake = CONF_ROWS("intake", intake_rows);

static const struct conf_field minute_rows[] = {
        COUNT("minute", "Which one: minutes since 1970, UTC.", .flags = CONF_REQUIRED),
#define X(name, help) CONF_ROW(#name, UINT, help, .max = REMOTE_COUNTED_MAX),
        REMOTE_COUNTERS(X)
#undef X
};
static const struct conf_object minute = CONF_ROWS("minute", minute_rows);

static const struct conf_field counters_rows[] = {
        CONF_ROW("minutes", OBJECTS, "Minutes that are over.", .flags = CONF_REQUIRED,
                 .object = &minute, .min = 1, .max = REMOTE_MINUTES_MAX),
};
const struct conf_object remote_shape_counters = CONF_ROWS("counters", counters_rows);
