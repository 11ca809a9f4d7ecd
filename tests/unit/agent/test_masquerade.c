/* Rules of iptables from services, and from what iptables -S prints. */
#include "agent/masquerade.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	assert_true(ip_addr_parse(text, &a));
	return a;
}

static void expect_words(const struct masquerade_rule *r, const char *wanted)
{
	char all[MASQUERADE_LINE_MAX] = "";

	for (size_t i = 0; r->words[i]; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? "|" : "", r->words[i]);
	assert_string_equal(all, wanted);
}

static void rules_of_services(void **state)
{
	struct config_virtual v = { .protocol = IPPROTO_TCP, .family = IP_V4, .port = 80 };
	struct masquerade_rule r;

	(void)state;
	v.address = addr("10.1.1.1");
	assert_true(masquerade_rule_of(&v, &r));
	assert_string_equal(r.comment, "lb-ipvs-agent:tcp:10.1.1.1:80");
	expect_words(&r, "POSTROUTING|-m|ipvs|--vaddr|10.1.1.1|--vproto|6|--vport|80|-m|comment|--comment|"
			 "lb-ipvs-agent:tcp:10.1.1.1:80|-j|MASQUERADE");
	v.port = 0;
	v.protocol = IPPROTO_UDP;
	v.address = addr("fd00::1");
	assert_true(masquerade_rule_of(&v, &r));
	expect_words(&r, "POSTROUTING|-m|ipvs|--vaddr|fd00::1|--vproto|17|-m|comment|--comment|"
			 "lb-ipvs-agent:udp:fd00::1:0|-j|MASQUERADE");
	v = (struct config_virtual){ .mark = 26, .family = IP_V4 };
	assert_true(masquerade_rule_of(&v, &r));
	expect_words(&r, "POSTROUTING|-m|mark|--mark|0x1a|-m|ipvs|--ipvs|-m|comment|--comment|"
			 "lb-ipvs-agent:mark:0x1a|-j|MASQUERADE");
	v.forward = CONFIG_FORWARD_TUN;
	assert_false(masquerade_rule_of(&v, &r));
}

static bool read_line(const char *line, struct masquerade_rule *out)
{
	return masquerade_rule_read(line, strlen(line), out);
}

static void rules_of_listings(void **state)
{
	char longest[2 * MASQUERADE_LINE_MAX];
	struct masquerade_rule r;

	(void)state;
	assert_true(read_line(
		"-A POSTROUTING -m ipvs --vaddr 10.1.1.1 --vport 80 --vproto 6 -m comment --comment "
		"\"lb-ipvs-agent:tcp:10.1.1.1:80\" -j MASQUERADE",
		&r));
	assert_string_equal(r.comment, "lb-ipvs-agent:tcp:10.1.1.1:80");
	expect_words(&r, "POSTROUTING|-m|ipvs|--vaddr|10.1.1.1|--vport|80|--vproto|6|-m|comment|--comment|"
			 "lb-ipvs-agent:tcp:10.1.1.1:80|-j|MASQUERADE");
	assert_false(read_line("-P POSTROUTING ACCEPT", &r));
	assert_false(read_line("-A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE", &r));
	assert_false(
		read_line("-A POSTROUTING -m comment --comment \"the lb-ipvs-agent: not ours\" -j X", &r));
	assert_false(read_line("-A POSTROUTING -m comment --comment", &r));
	assert_false(read_line("-A ", &r));
	assert_false(read_line("", &r));
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "-A x ", 5);
	assert_false(masquerade_rule_read(longest, sizeof(longest), &r));
	for (size_t i = 3; i < 200; i += 2)
		longest[i] = ' ';
	assert_false(masquerade_rule_read(longest, 200, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_of_services),
		cmocka_unit_test(rules_of_listings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
