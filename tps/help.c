/* SPDX-License-Identifier: Apache-2.0 */
/* Help and the generated documentation, all out of the tables. */
#include <stdio.h>
#include <string.h>

#include "lib/cli/doc.h"
#include "lib/event/counter.h"
#include "lib/event/reason.h"
#include "tps/run.h"

void tps_help(size_t argc, const char *const *argv)
{
	cli_doc_help(&cli_tps, argc, argv);
}

static void print_commands(void)
{
	(void)printf(
	        "# tps: commands\n\n"
	        "Made from `lib/cli/command.def` by `tps --doc commands`; a test holds the two "
	        "together.\n\n"
	        "`tps COMMAND` runs one command, `tps` alone is a shell with completion. `--json` "
	        "prints the record that the text is made of. `--instance NAME` names the "
	        "daemon.\n\n"
	        "Exit status: 0 done, 1 refused, 2 usage, 3 no daemon, 4 not permitted.\n\n"
	        "Who may: *show* is the group `sluice`; *change* is root and the group "
	        "`sluice-operator` (its members are in `sluice` too, which opens the socket), "
	        "and each change is an audit event.\n\n"
	        "| command | who | what |\n|---|---|---|\n");
	for (unsigned i = 0; i < CLI_COMMAND_END; i++) {
		const struct cli_command *c = cli_command_by_id((enum cli_command_id)i);

		(void)printf("| ");
		cli_doc_usage(c);
		(void)printf(" | %s | %s |\n", c->who == CLI_CHANGE ? "change" : "show", c->help);
	}
}

static void print_man(void)
{
	(void)printf(
	        ".TH TPS 1 \"\" \"Sluice\" \"User Commands\"\n.SH NAME\ntps \\- command line of a "
	        "Sluice device\n.SH SYNOPSIS\n.B tps\n[\\fB\\-\\-instance\\fR \\fINAME\\fR] "
	        "[\\fB\\-\\-socket\\fR \\fIPATH\\fR] [\\fB\\-\\-json\\fR] [\\fICOMMAND\\fR...]\n"
	        ".SH DESCRIPTION\nShows and steers a running tpsd(8). With a command it runs that "
	        "one; "
	        "without it is a shell with completion (Tab) and help (?).\n.SH OPTIONS\n"
	        ".TP\n\\fB\\-i\\fR, \\fB\\-\\-instance\\fR \\fINAME\\fR\nThe daemon's instance; "
	        "main "
	        "unless said otherwise.\n"
	        ".TP\n\\fB\\-s\\fR, \\fB\\-\\-socket\\fR \\fIPATH\\fR\nThe daemon's command "
	        "socket.\n"
	        ".TP\n\\fB\\-j\\fR, \\fB\\-\\-json\\fR\nPrints the record instead of text; also "
	        "behind "
	        "the command.\n.SH COMMANDS\n");
	cli_doc_man(&cli_tps, " (root and sluice-operator)");
	(void)printf(".SH EXIT STATUS\n0 done, 1 refused, 2 usage, 3 no daemon, 4 not permitted.\n"
	             ".SH FILES\n/run/sluice/NAME/tps.sock, /run/sluice/NAME/counters\n"
	             ".SH SEE ALSO\ntpsd(8)\n");
}

static void print_reasons(void)
{
	(void)printf(
	        "# Reasons\n\n"
	        "Why a flow or session ended as it did: the `reason` of an `ssl_inspection` event, "
	        "the label of `sluice_ended_total`, a line of `tps show counters`. Made from "
	        "`lib/event/reason.def` by `tps --doc reasons`; a test holds the two together.\n\n"
	        "The outcome is what the table says unless the setting of its failure class "
	        "(`on_failure_class`) says otherwise.\n\n"
	        "| reason | outcome | failure class | text |\n|---|---|---|---|\n");
	for (unsigned i = 0; i < REASON_END; i++) {
		enum reason r = (enum reason)i;

		(void)printf("| `%s` | %s | %s | %s |\n", reason_name(r),
		             reason_outcome_name(reason_outcome(r)),
		             failure_class_name(reason_class(r)), reason_text(r));
	}
}

static void print_counters(void)
{
	(void)printf("# Counters\n\n"
	             "`tps debug np stats show GROUP`, `tps show counters`, and Prometheus text at "
	             "`http://127.0.0.1:9477/metrics` (names there: `sluice_`, group and name in "
	             "snake case, `_total` behind counters). Made from `lib/event/counter.def` and "
	             "`histogram.def` by `tps --doc counters`; a test holds them together.\n\n"
	             "| group | name | kind | what |\n|---|---|---|---|\n");
	for (unsigned i = 0; i < COUNTER_END; i++) {
		enum counter c = (enum counter)i;

		(void)printf("| %s | `%s` | %s | %s |\n", counter_group(c), counter_name(c),
		             counter_kind(c) == COUNTER_KIND_GAUGE ? "gauge" : "counter",
		             counter_help(c));
	}
	(void)printf("\n## Histograms\n\nBuckets from 16 \xc2\xb5s to 33.6 s, each twice the one "
	             "before.\n\n| name | what |\n|---|---|\n");
	for (unsigned i = 0; i < HISTOGRAM_END; i++)
		(void)printf("| `sluice_%s_seconds` | %s |\n", histogram_name((enum histogram)i),
		             histogram_help((enum histogram)i));
}

enum tps_exit tps_print_doc(const char *what)
{
	if (strcmp(what, "commands") == 0)
		print_commands();
	else if (strcmp(what, "man") == 0)
		print_man();
	else if (strcmp(what, "reasons") == 0)
		print_reasons();
	else if (strcmp(what, "counters") == 0)
		print_counters();
	else
		return TPS_USAGE;
	return TPS_OK;
}
