/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms: the command line of the management system. It knows the API and nothing else, so it runs
 * anywhere. One thread that waits; docs/internals/sms.md, "The client".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/cli/command.h"
#include "sms/link.h"
#include "sms/state.h"

enum sms_exit {
	SMS_OK = 0,
	SMS_REFUSED = 1,
	SMS_USAGE = 2,
	SMS_NO_SERVER = 3,
	SMS_NOT_PERMITTED = 4,
};

enum sms_command {
#define COMMAND(ID, words, arguments, help) SMS_##ID,
#include "sms/command.def"
#undef COMMAND
	SMS_COMMAND_END
};

extern const struct cli_table sms_commands;

struct sms {
	bool json;
	/* Of the options: NULL or the caller's. They go before what is in the file. */
	const char *server, *ca, *pin;
	struct sms_state state;
	struct link *link; /* NULL: not opened yet */
};

/* Words of one command line. Says what is wrong on standard error. */
enum sms_exit sms_run(struct sms *sms, size_t argc, const char *const *argv) SL_NONNULL(1, 3);

/* "man" or "commands" (docs/sms.md). */
enum sms_exit sms_print_doc(const char *what) SL_NONNULL(1);

/* ---- for the commands -------------------------------------------------------------------- */

typedef enum sms_exit sms_command_fn(struct sms *sms, enum sms_command command,
                                     const json_t *arguments);
sms_command_fn sms_login, sms_logout, sms_password, sms_whoami, sms_token;
sms_command_fn sms_events, sms_series, sms_alert;
sms_command_fn sms_list, sms_show, sms_history, sms_delete, sms_audit;
sms_command_fn sms_device;
sms_command_fn sms_import, sms_make, sms_export;
sms_command_fn sms_upload, sms_download;
sms_command_fn sms_distribute, sms_distribution;
sms_command_fn sms_licences;
sms_command_fn sms_panic;
sms_command_fn sms_person, sms_role, sms_group;
sms_command_fn sms_package, sms_package_key, sms_package_source, sms_categories;
sms_command_fn sms_syslog_target;
sms_command_fn sms_set, sms_rename, sms_move, sms_diff, sms_rollback, sms_import_document;
sms_command_fn sms_changes, sms_rollback_all;

/* An argument's text; NULL when it was not given. */
const char *sms_argument(const json_t *arguments, const char *key) SL_NONNULL(1, 2);

/* ---- record.c ---- */
enum { SMS_RECORD_KEPT = 8 };

/* A record that is set as a whole: what of it stays as it is, and what is given. */
struct sms_record {
	const char *kind;
	const char *collection; /* its path */
	const char *order;      /* behind its path: what the server does at once, */
	const char *ordered;    /* and the field that is true while it does */
	const char *kept[SMS_RECORD_KEPT + 1];
	enum sms_exit (*fill)(json_t *body, const json_t *arguments);
};

/* All that was there but what is given; the revision is that of --revision, or what was seen. */
enum sms_exit sms_record_set(struct sms *sms, const char *path, const struct sms_record *record,
                             const json_t *arguments) SL_NONNULL(1, 2, 3, 4);
/* A new one, of what is given. */
enum sms_exit sms_record_add(struct sms *sms, const struct sms_record *record,
                             const json_t *arguments) SL_NONNULL(1, 2, 3);
/* It goes; the revision is that of --revision. */
enum sms_exit sms_record_drop(struct sms *sms, const char *path, const struct sms_record *record,
                              const json_t *arguments) SL_NONNULL(1, 2, 3, 4);
/* Its order, until that is done; what was wrong, its `error`, is the exit status, too. */
enum sms_exit sms_record_order(struct sms *sms, const char *path, const struct sms_record *record,
                               const char *name) SL_NONNULL(1, 2, 3, 4);
/* A file's text into the body. */
enum sms_exit sms_put_pem(json_t *body, const char *key, const char *path) SL_NONNULL(1, 2, 3);

/* ---- upload.c ---- */
/* A file of here as an upload at the server, `name` before its progress; what becomes of it, a file
 * or a package, is for the caller to say, or to drop it: a failure is not left to the clock. */
enum sms_exit sms_upload_send(struct sms *sms, const char *name, const char *path,
                              json_int_t *ret_id) SL_NONNULL(1, 2, 3, 4);
void sms_upload_drop(struct sms *sms, json_int_t id) SL_NONNULL(1);

/* A line on standard error, and the status. */
enum sms_exit sms_fail(enum sms_exit status, const char *fmt, ...) SL_NONNULL(2) SL_PRINTF(2, 3);

/*
 * One call with what the session needs; anything but 2xx is told on standard error and becomes the
 * exit status. `request->path` is below /api/v1. link_answer_fini after SMS_OK.
 */
enum sms_exit sms_call(struct sms *sms, const struct link_request *request,
                       struct link_answer *ret_answer) SL_NONNULL(1, 2, 3);

/* As sms_call, of an answer that is a value: freed by the caller. */
enum sms_exit sms_call_json(struct sms *sms, const struct link_request *request, json_t **ret_data)
        SL_NONNULL(1, 2, 3);

/* The same, for a call whose answer is shown as it is (or "done", if there is none). */
enum sms_exit sms_call_show(struct sms *sms, const struct link_request *request) SL_NONNULL(1, 2);

/* The same, for an answer of {devices: [...]}: --json as it is, else the rows that `add` makes of
 * each device, or of that `name` alone (NULL: all). */
typedef void sms_rows_fn(json_t *rows, const json_t *device);
enum sms_exit sms_call_devices(struct sms *sms, const struct link_request *request,
                               const char *name, sms_rows_fn *add) SL_NONNULL(1, 2, 4);

/* Shows a record: --json as it is, else by lib/cli/print. */
void sms_print(const struct sms *sms, const json_t *data) SL_NONNULL(1);

/* A list as the API has it at `path`, one page; text shows `keys` alone, NULL all. */
enum sms_exit sms_show_list(struct sms *sms, const char *path, const char *const *keys)
        SL_NONNULL(1, 2);

/* The same, all pages of it. */
enum sms_exit sms_show_all(struct sms *sms, const char *path, const char *const *keys)
        SL_NONNULL(1, 2, 3);

/* A whole number that was given as an argument, into the body under the same name. */
enum sms_exit sms_put_number(json_t *body, const json_t *arguments, const char *key)
        SL_NONNULL(2, 3);

/* Digits alone, or NULL: what stands in a path is ours. */
bool sms_is_number(const char *text);

/* "a,b" as a list of texts; NULL when memory is out. */
json_t *sms_split(const char *text, char between) SL_NONNULL(1);

/* "/certificates/NAME/export": the kind's collection, the name escaped (NULL: none), `rest` behind,
 * which is escaped already (sms_query adds to it). Freed by the caller; NULL when memory is out. */
char *sms_path(const char *kind, const char *name, const char *rest) SL_NONNULL(1);

/* `path` with "key=value" behind, escaped; takes `path` over, NULL too. `value` NULL: as it is. */
char *sms_query(char *path, const char *key, const char *value) SL_NONNULL(2);

/* The revision to send in If-Match: that of --revision, or of the object as it is now. */
enum sms_exit sms_revision(struct sms *sms, const json_t *arguments, const char *kind,
                           char ret_revision[LINK_ETAG_MAX]) SL_NONNULL(1, 2, 3, 4);
