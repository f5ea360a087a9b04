using System.Xml.Linq;

namespace Datum.Providers.Packages.Tests;

/// <summary>What is meant for others says what it is.</summary>
public sealed class PackableProjectsTests
{
    [Test]
    public void Exactly_the_four_packages_are_packable_and_each_has_a_description()
    {
        var packable = Directory.EnumerateFiles(Path.Combine(Root(), "src"), "*.csproj", SearchOption.AllDirectories)
            .Select(f => (Name: Path.GetFileNameWithoutExtension(f), Project: XDocument.Load(f)))
            .Where(p => p.Project.Descendants("IsPackable").Any(e => e.Value == "true"))
            .ToDictionary(p => p.Name, p => p.Project.Descendants("Description").SingleOrDefault()?.Value);

        Assert.Multiple(() =>
        {
            Assert.That(packable.Keys, Is.EquivalentTo(new[] { "Datum.Providers.Abstractions", "Datum.Providers.Sdk", "Datum.Providers.Conformance", "Datum.Providers.Templates" }));
            Assert.That(packable.Values, Has.None.Null);
        });
    }

    private static string Root()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
            if (File.Exists(Path.Combine(at.FullName, "Datum.Providers.sln")))
                return at.FullName;
        throw new DirectoryNotFoundException("No Datum.Providers.sln above the tests.");
    }
}
