using System.Text.Json.Nodes;
using Datum.Providers.Testing;

namespace Datum.Providers.Resources.Tests;

/// <summary>The tables of docs/reference/kinds.md say what the definitions say. On a difference the wanted rows are printed.</summary>
public sealed class KindsPageTests
{
    [Test]
    public void The_table_of_kinds_is_the_one_of_the_definitions()
    {
        var wanted = RulePlaces.Ours().Select(d =>
        {
            var spec = d.Definition["spec"]!;
            var version = spec["versions"]![0]!;
            var names = (spec["names"]!["shortNames"] as JsonArray ?? []).Select(n => $"`{n}`");
            var columns = (version["additionalPrinterColumns"] as JsonArray ?? []).Select(c => $"{c!["name"]}{(c["priority"] is null ? "" : " (wide)")}");
            return $"| {spec["names"]!["kind"]} | `{spec["group"]}/{version["name"]}` | {spec["scope"]} | {string.Join(' ', names)} | {string.Join(", ", columns)} |";
        });
        Assert.That(Rows("## All kinds"), Is.EqualTo(wanted));
    }

    [Test]
    public void The_table_of_rules_is_the_one_of_the_definitions()
    {
        var wanted = RulePlaces.Ours().SelectMany(d => RulePlaces.In([d]).Select(p =>
        {
            var rule = p.Schema["x-kubernetes-validations"]!.AsArray().Single(r => (string)r!["rule"]! == p.Rule)!;
            return $"| {d.Definition["spec"]!["names"]!["kind"]} | `{p.Path.TrimStart('.')}` | {((string)rule["message"]!).Replace("|", "\\|", StringComparison.Ordinal).Replace("](", "]\\(", StringComparison.Ordinal)} |";
        }));
        Assert.That(Rows("## Validation rules"), Is.EqualTo(wanted));
    }

    private static IEnumerable<string> Rows(string heading)
    {
        var page = File.ReadAllText(Path.Combine(SharedFolder.RepositoryRoot, "docs", "reference", "kinds.md"));
        var from = page.IndexOf(heading + "\n", StringComparison.Ordinal);
        Assert.That(from, Is.GreaterThanOrEqualTo(0), heading);
        var to = page.IndexOf("\n## ", from + 1, StringComparison.Ordinal);
        return page[from..(to < 0 ? page.Length : to)].Split('\n').Where(l => l.StartsWith('|')).Skip(2);
    }
}
