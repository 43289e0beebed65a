/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of certificates, CA certificates and signing requests. */
#include "lib/base/base64.h"
#include "lib/pki/ca.h"
#include "smsd/api/shape.h"
#include "smsd/object/certificate.h"
#include "smsd/object/object.h"

enum {
	BASE64_MAX = BASE64_CHARS(CERTIFICATE_FILE_MAX),
	DIGEST_MAX = 64, /* hexadecimal */
	NAMES_MAX = 100000,
	SUBJECT_TEXT_MAX = 1024,
	NAME_STRICT_MAX = CONF_NAME_SHORT,
};

/* ---- words ------------------------------------------------------------------------------- */

/* In the order of enum pki_format. */
static const struct conf_choice format_words[] = {{"auto", "by what the file looks like"},
                                                  {"pem", "text"},
                                                  {"der", "bytes of one certificate or key"},
                                                  {"pkcs12", "certificates and keys in one file"}};
static const struct conf_choices formats = {"format", format_words, SL_ARRAY_LEN(format_words)};

static const struct conf_choice export_words[] = {
#define X(NAME, name, type, ending) {name, type},
        CERTIFICATE_FORMATS(X)
#undef X
};
static const struct conf_choices export_formats = {"format", export_words,
                                                   SL_ARRAY_LEN(export_words)};

static const struct conf_choice key_words[] = {
#define X(NAME, name) {name, ""},
        PKI_KEY_TYPES(X)
#undef X
};
static const struct conf_choices key_types = {"key_type", key_words, SL_ARRAY_LEN(key_words)};

/* ---- what is brought --------------------------------------------------------------------- */

#define FILE_ROW(text)                                                                             \
	CONF_ROW("file", TEXT, text, .flags = CONF_REQUIRED | CONF_SECRET, .max = BASE64_MAX)
#define KEY_ROW(text, more)                                                                        \
	CONF_ROW("key", TEXT, text, .flags = CONF_SECRET | (more), .max = BASE64_MAX)
#define PASSWORD_ROW(text)                                                                         \
	CONF_ROW("password", TEXT, text, .flags = CONF_SECRET, .max = CERTIFICATE_PASSWORD_MAX)
#define FORMAT_ROW                                                                                 \
	CONF_ROW("format", CHOICE, "Format of the file.", .choices = &formats, .fallback = "auto")
#define EXPORTABLE_ROW                                                                             \
	CONF_ROW("exportable", BOOL, "Whether the private key may leave again.",                   \
	         .fallback = "false")
#define COMMENT_ROW CONF_ROW("comment", TEXT, "Why, for the history.", .max = OBJECT_COMMENT_MAX)

static const struct conf_field import_rows[] = {
        CONF_ROW("name", NAME, "Its name, or what the names of several begin with.",
                 .flags = CONF_REQUIRED, .max = CONF_NAME_LONG),
        FILE_ROW("The certificate, with or without its chain and key, in base64."),
        KEY_ROW("The private key in a file of its own, in base64.", 0),
        PASSWORD_ROW("Of an encrypted key, or of the PKCS12 file."),
        FORMAT_ROW,
        EXPORTABLE_ROW,
        COMMENT_ROW,
};
const struct conf_object api_shape_certificate_import = CONF_ROWS("import", import_rows);

static const struct conf_field replace_rows[] = {
        FILE_ROW("The new certificate, with or without its chain and key, in base64."),
        KEY_ROW("The private key in a file of its own, in base64.", 0),
        PASSWORD_ROW("Of an encrypted key, or of the PKCS12 file."),
        FORMAT_ROW,
        EXPORTABLE_ROW,
        COMMENT_ROW,
};
const struct conf_object api_shape_certificate_replace = CONF_ROWS("replacement", replace_rows);

static const struct conf_field repair_rows[] = {
        KEY_ROW("The private key, or a PKCS12 file with it, in base64.", CONF_REQUIRED),
        PASSWORD_ROW("Of an encrypted key, or of the PKCS12 file."),
        FORMAT_ROW,
        EXPORTABLE_ROW,
};
const struct conf_object api_shape_certificate_repair = CONF_ROWS("repair", repair_rows);

static const struct conf_field ca_import_rows[] = {
        CONF_ROW("name", NAME_STRICT,
                 "Its name, or what the names of several begin with; not the word ca.",
                 .flags = CONF_REQUIRED, .max = NAME_STRICT_MAX),
        FILE_ROW("CA certificates in base64; private keys in it are passed over."),
        PASSWORD_ROW("Of a PKCS12 file."),
        FORMAT_ROW,
        COMMENT_ROW,
};
const struct conf_object api_shape_ca_import = CONF_ROWS("import", ca_import_rows);

static const struct conf_field ca_replace_rows[] = {
        FILE_ROW("The new CA certificate in base64."),
        PASSWORD_ROW("Of a PKCS12 file."),
        FORMAT_ROW,
        COMMENT_ROW,
};
const struct conf_object api_shape_ca_replace = CONF_ROWS("replacement", ca_replace_rows);

/* ---- what is made ------------------------------------------------------------------------ */

static const struct conf_field subject_rows[] = {
        CONF_ROW("common_name", TEXT, "Common name, at most 64 characters.", .flags = CONF_REQUIRED,
                 .max = SUBJECT_TEXT_MAX),
        CONF_ROW("email", TEXT, "Email address.", .max = SUBJECT_TEXT_MAX),
        CONF_ROW("units", NAMES, "Organizational units.", .max = PKI_SUBJECT_UNITS_MAX),
        CONF_ROW("organization", TEXT, "Organization, at most 64 characters.",
                 .max = SUBJECT_TEXT_MAX),
        CONF_ROW("locality", TEXT, "Locality, at most 128 characters.", .max = SUBJECT_TEXT_MAX),
        CONF_ROW("state", TEXT, "State, at most 128 characters.", .max = SUBJECT_TEXT_MAX),
        CONF_ROW("country", TEXT, "Country, the two capital letters of ISO 3166.",
                 .max = SUBJECT_TEXT_MAX),
        CONF_ROW("dns", NAMES, "DNS names; \"*.\" may stand in front.", .max = PKI_SUBJECT_DNS_MAX),
        CONF_ROW("user", TEXT, "User (RFC 822 name).", .max = SUBJECT_TEXT_MAX),
};
static const struct conf_object subject = CONF_ROWS("subject", subject_rows);

#define SUBJECT_ROW                                                                                \
	CONF_ROW("subject", OBJECT, "Who it is for.", .flags = CONF_REQUIRED, .object = &subject)
#define KEY_TYPE_ROW                                                                               \
	CONF_ROW("key_type", CHOICE, "Kind and size of its new key.", .choices = &key_types,       \
	         .fallback = "rsa-2048")

static const struct conf_field signing_rows[] = {
        CONF_ROW("name", NAME, "Its name.", .flags = CONF_REQUIRED, .max = CONF_NAME_LONG),
        SUBJECT_ROW,
        KEY_TYPE_ROW,
        CONF_ROW("days", UINT, "How long it is valid.", .min = 1, .max = PKI_DAYS_MAX,
                 .fallback = "3650"),
        EXPORTABLE_ROW,
};
const struct conf_object api_shape_signing = CONF_ROWS("signing certificate", signing_rows);

static const struct conf_field request_rows[] = {
        CONF_ROW("name", NAME, "Its name.", .flags = CONF_REQUIRED, .max = CONF_NAME_LONG),
        SUBJECT_ROW,
        KEY_TYPE_ROW,
        CONF_ROW("ca", BOOL, "Ask for a signing certificate.", .fallback = "false"),
        EXPORTABLE_ROW,
};
const struct conf_object api_shape_signing_request = CONF_ROWS("signing request", request_rows);

static const struct conf_field export_rows[] = {
        CONF_ROW("format", CHOICE, "pem has the chain, pkcs12 the private key.",
                 .choices = &export_formats, .fallback = "pem"),
        PASSWORD_ROW("Encrypts the private key of pkcs12."),
};
const struct conf_object api_shape_export = CONF_ROWS("export", export_rows);

/* ---- what is shown ----------------------------------------------------------------------- */

static const struct conf_field key_rows[] = {
        CONF_ROW("type", TEXT, "rsa or ecdsa.", .flags = CONF_REQUIRED, .max = 8),
        CONF_ROW("bits", UINT, "Size.", .flags = CONF_REQUIRED, .max = 65536),
        CONF_ROW("id", TEXT, "SHA-256 of the public key.", .flags = CONF_REQUIRED,
                 .max = DIGEST_MAX),
        CONF_ROW("exportable", BOOL, "Whether the private key may leave; only when it is here."),
};
static const struct conf_object key = CONF_ROWS("key", key_rows);

static const struct conf_field certificate_rows[] = {
        CONF_ROW("name", NAME, "Its name.", .flags = CONF_REQUIRED, .max = CONF_NAME_LONG),
        CONF_ROW("kind", TEXT, "What kind of object.", .flags = CONF_REQUIRED, .max = 32),
        CONF_ROW("status", TEXT, "What is true of it now.", .flags = CONF_REQUIRED, .max = 64),
        CONF_ROW("subject", TEXT, "Who it is for.", .max = PKI_SUBJECT_MAX),
        CONF_ROW("issuer", TEXT, "Who issued it.", .max = PKI_SUBJECT_MAX),
        CONF_ROW("serial", TEXT, "Serial number.", .max = PKI_SERIAL_MAX),
        CONF_ROW("names", NAMES, "DNS names that it is for.", .max = NAMES_MAX),
        CONF_ROW("not_before", TIME, "When it begins to be valid."),
        CONF_ROW("not_after", TIME, "When it ends."),
        CONF_ROW("days_left", ANY, "Whole days until then; negative: since then."),
        CONF_ROW("key", OBJECT, "Its key.", .object = &key),
        CONF_ROW("ca", BOOL, "It issues certificates, or asks for one that does."),
        CONF_ROW("self_signed", BOOL, "It issued itself."),
        CONF_ROW("sha256", TEXT, "SHA-256 of the whole.", .max = DIGEST_MAX),
        CONF_ROW("revision", UINT, "Counts its changes.", .flags = CONF_REQUIRED,
                 .max = API_NUMBER_MAX),
        CONF_ROW("changed", TIME, "When it was changed last.", .flags = CONF_REQUIRED),
};
const struct conf_object api_shape_certificate = CONF_ROWS("certificate", certificate_rows);

static const struct conf_field page_rows[] = {
        CONF_ROW("items", OBJECTS, "By name.", .flags = CONF_REQUIRED,
                 .object = &api_shape_certificate),
        CONF_ROW("next", TEXT, "What `after` is for the next page; empty at the end.",
                 .flags = CONF_REQUIRED, .max = CONF_NAME_LONG),
};
const struct conf_object api_shape_certificates = CONF_ROWS("page", page_rows);

static const struct conf_field names_rows[] = {
        CONF_ROW("names", NAMES, "Names of what was made.", .flags = CONF_REQUIRED,
                 .max = CERTIFICATE_IMPORT_MAX),
};
const struct conf_object api_shape_names = CONF_ROWS("names", names_rows);

static const struct conf_field change_rows[] = {
        CONF_ROW("revision", UINT, "The revision that it made.", .flags = CONF_REQUIRED,
                 .max = API_NUMBER_MAX),
        CONF_ROW("time", TIME, "When.", .flags = CONF_REQUIRED),
        CONF_ROW("who", TEXT, "Who did it.", .flags = CONF_REQUIRED, .max = 64),
        CONF_ROW("action", TEXT, "What was done.", .flags = CONF_REQUIRED, .max = 64),
        CONF_ROW("name", TEXT, "The name from then on.", .flags = CONF_REQUIRED,
                 .max = CONF_NAME_LONG),
        CONF_ROW("comment", TEXT, "Why.", .flags = CONF_REQUIRED, .max = OBJECT_COMMENT_MAX),
        CONF_ROW("before", ANY, "As it was; null for a new one."),
        CONF_ROW("after", ANY, "As it is since; null for one that is gone."),
};
static const struct conf_object change = CONF_ROWS("change", change_rows);

static const struct conf_field history_rows[] = {
        CONF_ROW("items", OBJECTS, "Newest first.", .flags = CONF_REQUIRED, .object = &change,
                 .max = OBJECT_HISTORY_MAX),
};
const struct conf_object api_shape_history = CONF_ROWS("history", history_rows);
