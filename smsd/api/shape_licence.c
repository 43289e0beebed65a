/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of licences. */
#include "lib/licence/licence.h"
#include "lib/package/package.h"
#include "smsd/api/shape.h"
#include "smsd/device/device.h"

enum { WORD_MAX = 32, DAY_MAX = 16, TEXT_MAX = 1024, HEX_SHA256 = 64 };

static const struct conf_field package_rows[] = {
        CONF_ROW("name", TEXT, "Its name.", .flags = CONF_REQUIRED, .max = PACKAGE_NAME_MAX),
        CONF_ROW("version", TEXT, "Its version.", .flags = CONF_REQUIRED,
                 .max = PACKAGE_VERSION_MAX),
        CONF_ROW("sha256", TEXT, "Of its bytes.", .flags = CONF_REQUIRED, .max = HEX_SHA256),
};
static const struct conf_object package = CONF_ROWS("licence package", package_rows);

static const struct conf_field capability_rows[] = {
        CONF_ROW("capability", TEXT, "ssl_inspection, categories or all_cores.",
                 .flags = CONF_REQUIRED, .max = 64),
        CONF_ROW("given", BOOL, "Whether the installed licence gives it to the device.",
                 .flags = CONF_REQUIRED),
        CONF_ROW("from", TEXT, "First day; empty: no bound.", .flags = CONF_REQUIRED,
                 .max = DAY_MAX),
        CONF_ROW("until", TEXT, "First day without it; empty: no bound.", .flags = CONF_REQUIRED,
                 .max = DAY_MAX),
        CONF_ROW("grace_days", UINT, "Days behind it on which it goes on.", .flags = CONF_REQUIRED,
                 .max = LICENCE_GRACE_DAYS_MAX),
        CONF_ROW("state", TEXT,
                 "What the device says: allowed, denied, reboot required (R39); unknown before it "
                 "has.",
                 .flags = CONF_REQUIRED, .max = WORD_MAX),
        CONF_ROW("source", TEXT, "Why: built-in, licence, grace or none.", .flags = CONF_REQUIRED,
                 .max = WORD_MAX),
        CONF_ROW("ends", TEXT, "When, as the device says.", .flags = CONF_REQUIRED, .max = DAY_MAX),
        CONF_ROW("text", TEXT, "The device's words for it.", .flags = CONF_REQUIRED,
                 .max = TEXT_MAX),
};
static const struct conf_object capability = CONF_ROWS("licensed capability", capability_rows);

static const struct conf_field device_rows[] = {
        CONF_ROW("name", NAME, "The device.", .flags = CONF_REQUIRED, .max = CONF_NAME_SHORT),
        CONF_ROW("online", BOOL, "Heard of in the last three minutes.", .flags = CONF_REQUIRED),
        CONF_ROW("delivery", TEXT,
                 "none: no licence is installed here; waiting, taken or refused: what became of "
                 "it on the device.",
                 .flags = CONF_REQUIRED, .max = WORD_MAX),
        CONF_ROW("refused", TEXT, "Why it takes none of it; empty.", .flags = CONF_REQUIRED,
                 .max = TEXT_MAX),
        CONF_ROW("capabilities", OBJECTS, "Each of them.", .flags = CONF_REQUIRED,
                 .object = &capability, .max = LICENCE_CAPABILITY_END),
};
static const struct conf_object device = CONF_ROWS("licensed device", device_rows);

static const struct conf_field licences_rows[] = {
        CONF_ROW("package", OBJECT, "The licence that is installed; left out: none.",
                 .object = &package),
        CONF_ROW("devices", OBJECTS, "All that are enrolled, by name.", .flags = CONF_REQUIRED,
                 .object = &device, .max = DEVICES_MAX),
};
const struct conf_object api_shape_licences = CONF_ROWS("licences", licences_rows);
