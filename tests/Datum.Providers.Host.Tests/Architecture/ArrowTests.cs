using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;
using Datum.Providers.Host.Tests.Documentation;

namespace Datum.Providers.Host.Tests.Architecture;

/// <summary>The arrows of docs/architecture.md, held to project files and to what was compiled.</summary>
public sealed class ArrowTests
{
    private const string Ours = "Datum.Providers.";
    private const string Driver = "Drivers.";

    private static readonly Dictionary<string, string[]> _mayReference = new(StringComparer.Ordinal)
    {
        ["Abstractions"] = [],
        ["Kubernetes"] = [],
        ["DevPlane"] = [],
        ["Sdk"] = ["Abstractions"],
        ["Conformance"] = ["Abstractions"],
        ["Templates"] = [],
        ["Resources"] = ["Kubernetes"],
        ["ControlPlane"] = ["Kubernetes", "Resources"],
        ["Engine"] = ["Abstractions", "Kubernetes", "Resources"],
        // Drivers come from the volume at run time only.
        ["Host"] = ["Abstractions", "Kubernetes", "Resources", "Engine", "ControlPlane", "DevPlane", "Sdk"],
    };

    private static readonly string[] _driverMayReference = ["Abstractions", "Sdk"];

    private static IEnumerable<string> Projects() =>
        Repository.Files("src", ".csproj").Select(Path.GetFileNameWithoutExtension).OfType<string>()
            // The template's projects become somebody else's.
            .Where(p => p.StartsWith(Ours, StringComparison.Ordinal)).Select(p => p[Ours.Length..]).Order(StringComparer.Ordinal);

    private static IEnumerable<string> Drivers() => Projects().Where(p => p.StartsWith(Driver, StringComparison.Ordinal));

    [Test]
    public void There_are_projects_and_drivers_to_look_at() =>
        Assert.Multiple(() =>
        {
            Assert.That(Projects(), Is.SupersetOf(_mayReference.Keys));
            Assert.That(Drivers().Count(), Is.GreaterThanOrEqualTo(2));
        });

    [TestCaseSource(nameof(Projects))]
    public void A_project_references_only_what_the_arrows_allow(string project) =>
        Assert.That(Items(project, "ProjectReference").Select(p => Path.GetFileNameWithoutExtension(p.Replace('\\', '/'))[Ours.Length..]), Is.SubsetOf(Allowed(project)));

    [TestCaseSource(nameof(Projects))]
    public void An_assembly_uses_only_what_the_arrows_allow(string project) =>
        Assert.That(References(project).Where(r => r.StartsWith(Ours, StringComparison.Ordinal)).Select(r => r[Ours.Length..]), Is.SubsetOf(Allowed(project)));

    [TestCaseSource(nameof(Drivers))]
    public void A_driver_carries_no_Polly(string driver)
    {
        var packed = Directory.EnumerateFiles(Path.GetDirectoryName(Assembly(driver))!, "*", SearchOption.AllDirectories).Select(Path.GetFileName);

        Assert.Multiple(() =>
        {
            Assert.That(Items(driver, "PackageReference").Concat(Items("Sdk", "PackageReference")), Has.None.StartsWith("Polly"));
            Assert.That(References(driver).Concat(References("Sdk")), Has.None.StartsWith("Polly"));
            Assert.That(packed, Has.None.StartsWith("Polly"));
        });
    }

    [Test]
    public void The_contract_uses_the_framework_and_logging_abstractions_only() =>
        Assert.That(References("Abstractions").Where(r => !r.StartsWith("System.", StringComparison.Ordinal)), Is.SubsetOf(new[] { "Microsoft.Extensions.Logging.Abstractions", "netstandard", "mscorlib" }));

    private static string[] Allowed(string project)
    {
        if (project.StartsWith(Driver, StringComparison.Ordinal))
            return _driverMayReference;
        Assert.That(_mayReference, Contains.Key(project), $"The project {project} is new: say here and in docs/architecture.md what it may reference.");
        return _mayReference[project];
    }

    private static IEnumerable<string> Items(string project, string item) =>
        XDocument.Load(Repository.Files("src", $"/{Ours}{project}.csproj").Single()).Descendants(item).Select(e => (string?)e.Attribute("Include")).OfType<string>();

    private static List<string> References(string project)
    {
        using var image = new PEReader(File.OpenRead(Assembly(project)));
        var metadata = image.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(r => metadata.GetString(metadata.GetAssemblyReference(r).Name))];
    }

    /// <summary>What the build made of a project, in the configuration of this test.</summary>
    private static string Assembly(string project)
    {
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        var name = project == "Host" ? "datum-providers" : Ours + project;
        return Path.Combine(output.Parent!.Parent!.FullName, Ours + project, output.Name, name + ".dll");
    }
}
