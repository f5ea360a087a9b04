namespace Datum.Providers.Conformance.Tests;

/// <summary>The catalogue of cases.</summary>
public sealed class CatalogTests
{
    [Test]
    public void Every_case_has_a_number_of_its_group_a_sentence_and_rules()
    {
        Assert.That(CaseCatalog.All, Is.Not.Empty);
        Assert.Multiple(() =>
        {
            foreach (var one in CaseCatalog.All)
            {
                Assert.That(one.Group, Is.Not.EqualTo(KitGroup.Unknown), one.Id);
                Assert.That(one.Title, Has.Length.GreaterThan(20).And.Contain(" "), one.Id);
                Assert.That(one.Title, Does.Not.EndWith("."), one.Id);
                Assert.That(one.Rules, Is.Not.Empty.And.All.Matches("^(DC-[0-9]+|L[0-9]+)$"), one.Id);
            }
        });
    }

    [Test]
    public void Numbers_of_one_group_stand_together_below_230()
    {
        // Later numbers are given in the order in which cases come.
        var groups = CaseCatalog.All.Where(c => c.Number < 230).Select(c => c.Group).ToList();
        var changes = groups.Zip(groups.Skip(1)).Count(p => p.First != p.Second);
        Assert.That(changes + 1, Is.EqualTo(groups.Distinct().Count()));
    }

    [Test]
    public void Every_rule_that_a_case_quotes_stands_in_the_contract()
    {
        var contract = File.ReadAllText(FindDocs());
        Assert.Multiple(() =>
        {
            foreach (var rule in CaseCatalog.All.SelectMany(c => c.Rules).Distinct().Where(r => r.StartsWith("DC-", StringComparison.Ordinal)))
                Assert.That(contract, Does.Contain($"**{rule}**"));
        });
    }

    [Test]
    public void Groups_are_chosen_by_name() =>
        Assert.That(CaseCatalog.Of(KitGroup.Description).Select(c => c.Group).Distinct(), Is.EqualTo([KitGroup.Description]));

    private static string FindDocs()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (Path.Combine(folder.FullName, "docs", "driver-contract.md") is var path && File.Exists(path))
                return path;
        throw new FileNotFoundException("docs/driver-contract.md isn't above the test's folder.");
    }
}
