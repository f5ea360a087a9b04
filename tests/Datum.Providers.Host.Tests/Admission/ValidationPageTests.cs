using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Host.Admission;
using Datum.Providers.Host.Tests.Documentation;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Validation;

namespace Datum.Providers.Host.Tests.Admission;

/// <summary>docs/reference/validation.md and deploy/webhook say what the code says. On a difference the wanted rows are printed.</summary>
public sealed class ValidationPageTests
{
    private const string Path = "docs/reference/validation.md";

    [Test]
    public void The_table_of_rules_is_the_code()
    {
        static string Asks(Rule rule) => string.Join(", ", new[] { (Asked.Schema, "schema"), (Asked.Cel, "CEL"), (Asked.Webhook, "webhook"), (Asked.Host, "host") }.Where(a => rule.Asked.HasFlag(a.Item1)).Select(a => a.Item2));

        Assert.That(Rows("## Rules"), Is.EqualTo(Rules.All.Select(r => $"| `{r.Id}` | {r.Kinds} | `{r.Field}` | {r.Needs} | {Asks(r)} | {r.Upstream} |")));
    }

    [Test]
    public void The_table_of_defaults_is_the_definitions()
    {
        var wanted = Crds.All().SelectMany(c => YamlJson.Parse(c.Yaml)).SelectMany(d => Defaults((string)d["spec"]!["names"]!["kind"]!, "", d["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!.AsObject()))
            .Where(d => !d.Contains("`status", StringComparison.Ordinal) && !d.EndsWith("| `\"\"` |", StringComparison.Ordinal)).Distinct();

        Assert.That(Rows("## Defaults"), Is.EqualTo(wanted));
    }

    [Test]
    public void The_webhook_asks_about_exactly_the_kinds_that_have_rules_and_stops_nobody()
    {
        var configuration = YamlJson.Parse(Encoding.UTF8.GetBytes(Repository.Read("deploy/webhook/webhook.yaml"))).Single(d => (string?)d["kind"] == "ValidatingWebhookConfiguration");
        var webhook = configuration["webhooks"]!.AsArray().Single()!;
        static IEnumerable<string> Texts(JsonNode? list) => list!.AsArray().Select(t => (string)t!);
        var asked = webhook["rules"]!.AsArray().SelectMany(r => from g in Texts(r!["apiGroups"]) from v in Texts(r["apiVersions"]) from p in Texts(r["resources"]) select $"{g}/{v} {p}");

        Assert.Multiple(() =>
        {
            Assert.That(asked, Is.EquivalentTo(ObjectRules.Kinds.Select(k => $"{k.ApiVersion} {k.Plural}")));
            Assert.That((string?)webhook["failurePolicy"], Is.EqualTo("Ignore"));
            Assert.That((long)webhook["timeoutSeconds"]!, Is.EqualTo(3));
            Assert.That((string?)webhook["sideEffects"], Is.EqualTo("None"));
            Assert.That(webhook["rules"]!.AsArray().SelectMany(r => Texts(r!["operations"])).Distinct(), Is.EquivalentTo(["CREATE", "UPDATE"]));
            Assert.That((string?)webhook["clientConfig"]!["service"]!["path"], Is.EqualTo("/validate"));
        });
    }

    [Test]
    public void Rules_that_CEL_says_stand_in_the_definitions()
    {
        var rules = Crds.All().Select(c => Encoding.UTF8.GetString(c.Yaml.Span).Replace("''", "'", StringComparison.Ordinal)).ToList();

        Assert.That(Rules.All.Where(r => (r.Cel is not null) != r.Asked.HasFlag(Asked.Cel)).Select(r => r.Id), Is.Empty);
        Assert.That(Rules.All.Where(r => r.Cel is { } cel && !rules.Exists(t => t.Contains(cel, StringComparison.Ordinal))).Select(r => r.Id), Is.Empty);
    }

    private static IEnumerable<string> Rows(string heading) => Page.Of(Path).Section(heading).Text.Split('\n').Where(l => l.StartsWith('|')).Skip(2);

    private static IEnumerable<string> Defaults(string kind, string path, JsonObject schema)
    {
        if (schema["default"] is { } value)
            yield return $"| {kind} | `{path.TrimStart('.')}` | `{value.ToJsonString()}` |";
        var children = (schema["properties"] as JsonObject ?? []).Select(p => ($"{path}.{p.Key}", p.Value as JsonObject)).Append(($"{path}[]", schema["items"] as JsonObject)).Append(($"{path}{{}}", schema["additionalProperties"] as JsonObject));
        foreach (var (at, child) in children)
            foreach (var found in child is null ? [] : Defaults(kind, at, child))
                yield return found;
    }
}
