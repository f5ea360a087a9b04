using System.Reflection;
using Datum.Providers.Testing;

namespace Datum.Providers.Kubernetes.Tests;

/// <summary>Holds docs/reference/kubernetes-client.md against the tests that it names.</summary>
internal sealed class ClientReferenceTests
{
    private const string Heading = "## Against the weaknesses of KubernetesClient";

    [Test]
    public void Every_weakness_has_an_answer_and_every_test_that_it_names_exists()
    {
        var page = File.ReadAllText(Path.Combine(SharedFolder.RepositoryRoot, "docs", "reference", "kubernetes-client.md"));
        Assert.That(page, Does.Contain(Heading));
        var rows = page[page.IndexOf(Heading, StringComparison.Ordinal)..].Split('\n')
            .Where(l => l.StartsWith('|')).Skip(2).Select(l => l.Trim('|').Split('|', StringSplitOptions.TrimEntries)).ToList();
        Assert.That(rows, Has.Count.GreaterThanOrEqualTo(20));
        var tests = typeof(ClientReferenceTests).Assembly.GetTypes().SelectMany(t => t.GetMethods(BindingFlags.Public | BindingFlags.Instance))
            .Where(m => m.GetCustomAttributes<NUnitAttribute>().Any()).Select(m => m.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var row in rows)
        {
            Assert.That(row, Has.Length.EqualTo(3), row[0]);
            Assert.That(row[1], Is.Not.Empty, row[0]);
            var named = row[2].Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(n => n.Trim('`')).ToList();
            Assert.That(named.Except(tests), Is.Empty, row[0]);
            Assert.That(named, Is.Not.Empty.Or.Matches<List<string>>(_ => row[1].Contains("benchmark", StringComparison.Ordinal)), row[0]);
        }
    }
}
