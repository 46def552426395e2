/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * pvswitch's configuration file and command line: what they come to, and what is said about wrong
 * ones. The first argument is the example that users get.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pvn_test.h"

#include "settings.h"

#define ARGS_MAX 16

static const char *example;
static char path[] = "/tmp/pvs_config_XXXXXX";
static char said[16384]; /* to stderr, by the last read_args() */

static void
write_bytes(const char *text, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	fclose(file);
}

static void
write_file(const char *text)
{
	write_bytes(text, strlen(text));
}

/* With stderr in a file meanwhile. */
static int
read_args(struct pvs_options *o, int argc, char **argv)
{
	FILE *to = tmpfile();
	int old = dup(2), ret;
	size_t len;

	assert_non_null(to);
	dup2(fileno(to), 2);
	ret = pvs_options_read(o, argc, argv);
	dup2(old, 2);
	close(old);
	rewind(to);
	len = fread(said, 1, sizeof(said) - 1, to);
	said[len] = '\0';
	fclose(to);
	return ret;
}

static int
read_line(struct pvs_options *o, const char *const *words)
{
	static char *argv[ARGS_MAX + 1];
	int argc = 1;

	argv[0] = "pvswitch";
	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	argv[argc] = NULL;
	return read_args(o, argc, argv);
}

static int
read_text(struct pvs_options *o, const char *text)
{
	const char *const words[] = {"--config", path, NULL};

	write_file(text);
	return read_line(o, words);
}

/* ---- files ---- */

static void
test_file(void **state)
{
	static const char text[] = "# a comment\n"
				   "\n"
				   "[switch]\n"
				   "control = /tmp/x # here too\n"
				   "  xen=local:/tmp/a:b:7\n"
				   "addresses\t=\t100\n"
				   "ageing = 60\nsleep = yes\nmbufs = 1000\n"
				   "[guests]\nvlan = 5\nrate = 1G\n"
				   "[port up]\n"
				   "device = net_tap0,iface=a\\#b\n"
				   "mode = trunk\nvlans = 1-5,9\n"
				   "[ guest  web server ]\nvlan = 6\n"
				   "[guest 3.0]\nmacs = any\n"
				   "[port down]\ndevice = net_null0";
	struct pvs_options o;

	(void)state;
	assert_int_equal(read_text(&o, text), 0);
	assert_string_equal(said, "");
	assert_string_equal(o.control, "/tmp/x");
	assert_string_equal(o.xen, "local:/tmp/a:b:7");
	assert_int_equal(o.addresses, 100);
	assert_int_equal(o.ageing, 60);
	assert_true(o.sleep);
	assert_int_equal(o.mbufs, 1000);
	assert_int_equal(o.guests.switch_.vid, 5);
	assert_int_equal(o.guests.rate, 1000000000);
	assert_int_equal(o.ports, 2);
	assert_string_equal(o.port[0].name, "up");
	assert_string_equal(o.port[0].set.device, "net_tap0,iface=a#b");
	assert_true(pvn_switch_vlans_has(&o.port[0].set.switch_.vlans, 9));
	assert_string_equal(o.port[1].name, "down");
	assert_int_equal(o.guests_named, 2);
	assert_string_equal(o.guest[0].name, "web server");
	assert_int_equal(o.guest[0].set.switch_.vid, 6);
	assert_true(o.guest[1].set.any_mac);
	pvs_options_free(&o);
}

static void
test_empty(void **state)
{
	const char *const words[] = {NULL};
	struct pvs_options o;

	(void)state;
	assert_int_equal(read_text(&o, ""), 0);
	pvs_options_free(&o);
	assert_int_equal(read_line(&o, words), 0);
	assert_null(o.file);
	assert_string_equal(o.control, PVS_CONTROL_PATH);
	assert_string_equal(o.xen, "off");
	assert_int_equal(o.ports, 0);
	pvs_options_free(&o);
}

static const struct {
	const char *text, *part;
} bad_files[] = {
	{"vlan = 5\n", "line 1: there is no [SECTION] before it"},
	{"[switch]\n\nsleep yes\n", "line 3: expected [SECTION] or WORD = VALUE"},
	{"[switch\n", "line 1: expected [SECTION] and nothing behind it"},
	{"[switch] x\n", "line 1: expected [SECTION] and nothing behind it"},
	{"[a]b]\n", "line 1: expected [SECTION]"},
	{"[switch]\nsleep =\n", "line 2: the value is missing"},
	{"[switch]\nsleep = # yes\n", "line 2: the value is missing"},
	{"[bridge]\nx = y\n", "section [bridge]: expected [switch], [guests], [port NAME] or"},
	{"[ports a]\n", "section [ports a]: expected"},
	{"[Switch]\n", "section [Switch]: expected"},
	{"[port]\n", "section [port]: port name '': expected 1..31 letters"},
	{"[port a b]\n", "section [port a b]: port name 'a b': expected"},
	{"[port xen1.0]\n", "section [port xen1.0]: port name 'xen1.0' is a Xen guest's"},
	{"[guest]\n", "section [guest]: guest '': expected a domain's name"},
	{"[switch]\ncolor = red\n",
	 "section [switch]: there is no word 'color': expected addresses"},
	{"[switch]\nsleep = 1\n", "section [switch]: sleep '1': expected no or yes"},
	{"[switch]\nageing = 60001\n", "ageing '60001': expected a number in 1..60000"},
	{"[switch]\ncontrol = run/x\n", "control 'run/x': expected an absolute path"},
	{"[switch]\nxen = local\n", "xen 'local': expected xen, local:PATH:DOMID"},
	{"[switch]\nxen = local::3\n", "xen 'local::3'"},
	{"[switch]\nxen = local:/x\n", "xen 'local:/x'"},
	{"[switch]\nxen = local:/x:y\n", "xen 'local:/x:y'"},
	{"[switch]\nsleep = no\nsleep = yes\n", "section [switch]: sleep is given twice"},
	{"[switch]\n[switch]\n", "section [switch]: it is there twice"},
	{"[guests]\n[guests]\n", "section [guests]: it is there twice"},
	{"[port a]\ndevice=x\n[port a]\n", "section [port a]: it is there twice"},
	{"[guest a]\n[guest a]\n", "section [guest a]: it is there twice"},
	{"[port a]\ndevice=x\nvlan=5000\n", "section [port a]: vlan '5000': expected a number"},
	{"[port a]\ndevice=x\nvlan=5\nvlan=5\n", "section [port a]: vlan is given twice"},
	{"[port a]\nvlan=5\n", "port a: device=... is missing"},
	{"[port a]\ndevice=x\nvlans=5\n", "port a: vlans is for a port with mode=trunk"},
	{"[port a]\ndevice=x\nmirror=a\n", "port a: it cannot be its own mirror"},
	{"[port a]\ndevice=x\n[port b]\ndevice=x\n", "ports a and b have the same device"},
	{"[guests]\ndevice=x\n", "section [guests]: device is for [port NAME]"},
	{"[guest a]\nqueues=2\n", "section [guest a]: queues is for [port NAME]"},
	{"[guests]\nvlans=2\n", "guests: vlans is for a port with mode=trunk"},
	{"[guests]\nmode=trunk\nvlans=2\n[guest a]\nvlan=5\n", "guest a: vlan is for a port with"},
};

static void
test_bad_files(void **state)
{
	struct pvs_options o;

	(void)state;
	for (size_t i = 0; i < PVN_DIM(bad_files); i++) {
		print_message("case: %s\n", bad_files[i].text);
		assert_int_equal(read_text(&o, bad_files[i].text), -EINVAL);
		print_message("  %s", said);
		assert_non_null(strstr(said, bad_files[i].part));
		assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
	}
}

/* rte_cfgfile would cut these off, or end in the middle. */
static void
test_too_long(void **state)
{
	static const struct {
		const char *before, fill, *after;
		int good; /* most times */
		const char *part;
	} cases[] = {
		{"[port a]\ndevice=", 'x', "\n", 255, "line 2: the value is longer than 255"},
		{"[port a]\ndevice=x\n# ", 'x', "\n", 320, "line 3: it is longer than 322"},
		{"[guest ", 'x', "]\n", 31, "guest 'xxxxxxxx"},
	};
	char text[512], why[PVS_WHY_MAX];
	struct pvs_options o, fresh;

	(void)state;
	for (size_t i = 0; i < PVN_DIM(cases); i++) {
		for (int n = cases[i].good; n <= cases[i].good + 1; n++) {
			const size_t len = strlen(cases[i].before);

			strcpy(text, cases[i].before);
			memset(text + len, cases[i].fill, n);
			strcpy(text + len + n, cases[i].after);
			assert_int_equal(read_text(&o, text), n == cases[i].good ? 0 : -EINVAL);
			if (n == cases[i].good)
				pvs_options_free(&o);
		}
		print_message("  %s", said);
		assert_non_null(strstr(said, cases[i].part));
	}
	assert_int_equal(read_text(&o, "[port a]\ndevice=x\n"), 0);
	memset(text, 'w', 100);
	strcpy(text + 100, "=1\n");
	write_file(text);
	assert_int_equal(pvs_options_reread(&o, &fresh, why), -EINVAL);
	pvs_options_free(&o);
	write_bytes("[switch]\nsleep = no\0x\n", 22);
	assert_int_equal(pvs_options_reread(&o, &fresh, why), -EINVAL);
	assert_non_null(strstr(why, "line 2: it has a zero byte"));
}

/* All that is wrong is said, up to a limit. */
static void
test_all_said(void **state)
{
	char text[2000] = "[switch]\n";
	struct pvs_options o;
	unsigned int lines = 0;

	(void)state;
	assert_int_equal(read_text(&o, "[switch]\na=b\nc=d\n[port a]\nvlan=x\n[y]\n"), -EINVAL);
	for (const char *p = said; *p != '\0'; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 4);
	for (int i = 0; i < 50; i++)
		snprintf(text + strlen(text), 20, "w%d = x\n", i);
	assert_int_equal(read_text(&o, text), -EINVAL);
	assert_non_null(strstr(said, "'w19'"));
	assert_null(strstr(said, "'w20'"));
	assert_non_null(strstr(said, "pvswitch: and 30 more\n"));
}

static void
test_no_file(void **state)
{
	static const char *const none[] = {"-c", "/none/x", NULL}, *const folder[] = {"-c", "/",
										      NULL};
	struct pvs_options o;

	(void)state;
	assert_int_equal(read_line(&o, none), -EINVAL);
	assert_string_equal(said, "pvswitch: /none/x: No such file or directory\n");
	assert_int_equal(read_line(&o, folder), -EINVAL);
	assert_string_equal(said, "pvswitch: /: Is a directory\n");
}

/* ---- the command line ---- */

static void
test_line(void **state)
{
	const char *const words[] = {
		"--port",
		"up,mode=trunk,vlans=1-5,9,native=7,device=net_tap0,iface=a,b=c",
		"--xen=xen",
		"-c",
		path,
		"--guests",
		"vlan=9,isolated=yes",
		"--guest",
		"web server,macs=00:16:3e:00:00:01,00:16:3e:00:00:02,vlan=4",
		"--port=file,vlan=8",
		"--guest",
		"plain",
		NULL,
	};
	struct pvs_options o;

	(void)state;
	write_file("[switch]\nxen=off\nageing=9\n[guests]\nvlan=5\nrate=1M\n[port file]\n"
		   "device=x\nvlan=7\nrate=2M\n");
	assert_int_equal(read_line(&o, words), 0);
	assert_string_equal(said, "");
	assert_string_equal(o.xen, "xen");
	assert_int_equal(o.ageing, 9);
	assert_int_equal(o.ports, 2);
	assert_string_equal(o.port[0].set.device, "x");
	assert_int_equal(o.port[0].set.switch_.vid, 8);
	assert_int_equal(o.port[0].set.rate, 2000000);
	assert_string_equal(o.port[1].name, "up");
	assert_string_equal(o.port[1].set.device, "net_tap0,iface=a,b=c");
	assert_int_equal(o.port[1].set.switch_.vid, 7);
	assert_true(pvn_switch_vlans_has(&o.port[1].set.switch_.vlans, 9));
	assert_int_equal(o.guests.switch_.vid, 9);
	assert_int_equal(o.guests.rate, 1000000);
	assert_true(o.guests.switch_.isolated);
	assert_int_equal(o.guests_named, 2);
	assert_int_equal(o.guest[0].set.switch_.mac_count, 2);
	assert_int_equal(o.guest[0].set.switch_.vid, 4);
	pvs_options_free(&o);
}

static const struct {
	const char *words[4], *part;
} bad_lines[] = {
	{{"up"}, "there is no option 'up'"},
	{{""}, "there is no option ''"},
	{{"-"}, "there is no option '-'"},
	{{"--"}, "there is no option '--'"},
	{{"-x"}, "there is no option '-x'"},
	{{"--age", "5"}, "there is no option '--age'"},
	{{"--help=yes"}, "there is no option '--help=yes'"},
	{{"--portportportportportport=a"}, "there is no option"},
	{{"--port"}, "--port needs a value"},
	{{"-c"}, "--config needs a value"},
	{{"-c", "/a", "-c", "/b"}, "--config is given twice"},
	{{"--sleep", "maybe"}, "--sleep: sleep 'maybe': expected no or yes"},
	{{"--sleep="}, "--sleep: sleep '': expected no or yes"},
	{{"--port", ""}, "--port: port name ''"},
	{{"--port", "a"}, "port a: device=... is missing"},
	{{"--port", "a,"}, "port a: device=... is missing"},
	{{"--port", "a,vlan"}, "--port: 'vlan': expected WORD=VALUE"},
	{{"--port", "a,,device=x"}, "--port: '': expected WORD=VALUE"},
	{{"--port", "a,vlan=5,6,device=x"}, "--port: vlan '5,6': expected a number"},
	{{"--port", "a,vlan=5,vlan=6,device=x"}, "--port: vlan is given twice"},
	{{"--port", "a,colour=red,device=x"}, "--port: there is no word 'colour'"},
	{{"--guests", "device=x"}, "--guests: device is for [port NAME]"},
	{{"--guest", "g,queues=2"}, "--guest: queues is for [port NAME]"},
	{{"--guest", "g,native=2"}, "guest g: native is for a port with mode=trunk"},
};

static void
test_bad_lines(void **state)
{
	struct pvs_options o;

	(void)state;
	for (size_t i = 0; i < PVN_DIM(bad_lines); i++) {
		const char *words[5] = {0};

		memcpy(words, bad_lines[i].words, sizeof(bad_lines[i].words));
		print_message("case: %s %s\n", words[0], words[1] != NULL ? words[1] : "");
		assert_int_equal(read_line(&o, words), -EINVAL);
		print_message("  %s", said);
		assert_non_null(strstr(said, bad_lines[i].part));
	}
}

static void
test_answered(void **state)
{
	static const char *const lines[][3] = {
		{"--help"}, {"-h"}, {"--version"}, {"--help", "--config=/none"}, {"--check"}};
	const char *const check[] = {"--check", "--config", example, NULL};
	const char *const wrong[] = {"--check", "--ageing", "0", NULL};
	struct pvs_options o;

	(void)state;
	for (size_t i = 0; i < PVN_DIM(lines); i++) {
		assert_int_equal(read_line(&o, lines[i]), 1);
		pvs_options_free(&o);
	}
	assert_int_equal(read_line(&o, wrong), -EINVAL);
	assert_int_equal(read_line(&o, check), 1);
	assert_string_equal(said, "");
	pvs_options_free(&o);
}

static void
test_begin(void **state)
{
	static const struct {
		const char *words[5];
		int argc, begin;
	} cases[] = {
		{{"pvswitch"}, 1, 1},
		{{"pvswitch", "-l", "0"}, 3, 3},
		{{"pvswitch", "--"}, 2, 1},
		{{"pvswitch", "-l", "0", "--", "--check"}, 5, 3},
		{{"pvswitch", "--", "--", "x"}, 4, 1},
		{{"pvswitch", "--help"}, 2, 0},
		{{"pvswitch", "--version"}, 2, 0},
		{{"pvswitch", "--help", "--"}, 3, 2},
	};

	(void)state;
	for (size_t i = 0; i < PVN_DIM(cases); i++) {
		char *argv[5];

		memcpy(argv, cases[i].words, sizeof(argv));
		assert_int_equal(pvs_options_begin(cases[i].argc, argv), cases[i].begin);
	}
}

/* The file anew, and what the command line says over it. */
static void
test_reread(void **state)
{
	const char *const words[] = {"-c", path, "--ageing", "7", NULL};
	struct pvs_options o, fresh;
	char why[PVS_WHY_MAX];

	(void)state;
	write_file("[switch]\nageing=5\naddresses=50\n");
	assert_int_equal(read_line(&o, words), 0);
	assert_int_equal(o.addresses, 50);
	write_file("[switch]\nageing=6\naddresses=60\n[port a]\ndevice=x\n");
	assert_int_equal(pvs_options_reread(&o, &fresh, why), 0);
	assert_int_equal(fresh.ageing, 7);
	assert_int_equal(fresh.addresses, 60);
	assert_int_equal(fresh.ports, 1);
	pvs_options_free(&fresh);
	write_file("[switch]\nageing=none\n");
	assert_int_equal(pvs_options_reread(&o, &fresh, why), -EINVAL);
	assert_non_null(strstr(why, "section [switch]: ageing 'none': expected"));
	assert_int_equal(o.addresses, 50);
	pvs_options_free(&o);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),	  cmocka_unit_test(test_empty),
		cmocka_unit_test(test_bad_files), cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_all_said),  cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_line),	  cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_answered),  cmocka_unit_test(test_begin),
		cmocka_unit_test(test_reread),
	};
	int fd = mkstemp(path), ret;

	if (argc != 2 || fd < 0) {
		fprintf(stderr, "usage: test_pvs_config EXAMPLE\n");
		return 2;
	}
	close(fd);
	example = argv[1];
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return ret;
}
