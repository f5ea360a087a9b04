using System.IO.Compression;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text;
using System.Xml.Linq;

namespace Datum.Providers.Packages.Tests;

/// <summary>What stands in the four packages, read from the packed files.</summary>
[Category("Slow")]
public sealed class PackageContentTests
{
    // Portable PDB format, CustomDebugInformation: the source itself, and the addresses of sources.
    private static readonly Guid s_embeddedSource = new("0E8A571B-6926-466E-B4AD-8AB04611F5FE");

    private static string ProductVersion { get; } = XDocument.Load(Repository.Path("Directory.Build.props")).Descendants("Version").Single().Value;

    private static IEnumerable<string> Ids => PackedPackages.Ids;

    private static IEnumerable<string> Libraries => Ids.Where(i => !i.EndsWith("Templates", StringComparison.Ordinal));

    [TestCaseSource(nameof(Ids))]
    public async Task A_package_says_what_it_is_and_where_it_comes_from(string id)
    {
        using var package = await OpenAsync(id);
        var metadata = Nuspec(package);
        var repository = metadata.Elements().Single(e => e.Name.LocalName == "repository");

        Assert.Multiple(() =>
        {
            Assert.That(Value(metadata, "id"), Is.EqualTo(id));
            Assert.That(Value(metadata, "version"), Is.EqualTo(id.EndsWith("Abstractions", StringComparison.Ordinal) ? "1.1.0" : ProductVersion));
            Assert.That(Value(metadata, "license"), Is.EqualTo("Apache-2.0"));
            Assert.That(Value(metadata, "description"), Is.Not.Empty);
            Assert.That(Text(package, Value(metadata, "readme")!), Does.StartWith($"# {id}"));
            Assert.That(Bytes(package, Value(metadata, "icon")!), Has.Length.GreaterThan(100).And.Property("Length").LessThan(10_000));
            Assert.That((string?)repository.Attribute("type"), Is.EqualTo("git"));
            Assert.That((string?)repository.Attribute("commit"), Does.Match("^[0-9a-f]{40}$"));
        });
    }

    [TestCaseSource(nameof(Libraries))]
    public async Task A_library_brings_documentation_symbols_and_every_source(string id)
    {
        using var package = await OpenAsync(id);
        var assembly = Bytes(package, $"lib/net10.0/{id}.dll");
        using var pdb = await SymbolsAsync(id, assembly);
        var reader = pdb.GetMetadataReader();
        var sources = reader.Documents.Select(d => (Name: reader.GetString(reader.GetDocument(d).Name), Handle: d)).ToList();
        var without = sources.Where(s => !reader.GetCustomDebugInformation(s.Handle).Any(c => reader.GetGuid(reader.GetCustomDebugInformation(c).Kind) == s_embeddedSource)).Select(s => s.Name);

        Assert.Multiple(() =>
        {
            Assert.That(Text(package, $"lib/net10.0/{id}.xml"), Does.Contain("<member name="));
            Assert.That(sources, Has.Count.GreaterThan(3));
            Assert.That(without, Is.Empty, "the debugger finds no source of these");
            Assert.That(sources.Select(s => s.Name), Has.All.StartsWith("/_/"), "a name of somebody's folder");
        });
    }

    [TestCaseSource(nameof(Ids))]
    public async Task No_file_of_a_package_names_the_folder_that_it_was_made_in(string id)
    {
        using var package = await OpenAsync(id);
        var root = Encoding.UTF8.GetBytes(Repository.Root + Path.DirectorySeparatorChar);

        Assert.That(package.Entries.Where(e => Bytes(package, e.FullName).AsSpan().IndexOf(root) >= 0).Select(e => e.FullName), Is.Empty);
    }

    [Test]
    public async Task The_contracts_package_brings_the_packing_of_drivers_to_whoever_references_it_by_way_of_the_SDK()
    {
        using var contract = await OpenAsync("Datum.Providers.Abstractions");
        using var sdk = await OpenAsync("Datum.Providers.Sdk");
        var dependency = Nuspec(sdk).Descendants().Single(e => e.Name.LocalName == "dependency");

        Assert.Multiple(() =>
        {
            Assert.That(Text(contract, "buildTransitive/Datum.Providers.Abstractions.targets"), Is.EqualTo(File.ReadAllText(Repository.Path("build/DriverPack.targets"))));
            Assert.That((string?)dependency.Attribute("id"), Is.EqualTo("Datum.Providers.Abstractions"));
            Assert.That((string?)dependency.Attribute("version"), Is.EqualTo("1.1.0"));
            Assert.That((string?)dependency.Attribute("exclude") ?? "", Does.Not.Contain("BuildTransitive").IgnoreCase);
        });
    }

    [Test]
    public async Task The_template_asks_for_the_packages_that_it_was_packed_with_and_for_the_test_tools_of_this_repository()
    {
        using var package = await OpenAsync("Datum.Providers.Templates");
        var asked = Versions(XDocument.Parse(Text(package, "content/datum-driver/Directory.Packages.props")));
        var ours = Versions(XDocument.Load(Repository.Path("Directory.Packages.props")));

        Assert.Multiple(() =>
        {
            Assert.That(asked["Datum.Providers.Sdk"], Is.EqualTo(ProductVersion));
            Assert.That(asked["Datum.Providers.Conformance"], Is.EqualTo(ProductVersion));
            Assert.That(asked.Where(a => !a.Key.StartsWith("Datum.", StringComparison.Ordinal)), Is.SubsetOf(ours));
            Assert.That(package.Entries.Select(e => e.FullName), Is.SupersetOf(new[] { "content/datum-driver/.gitignore", "content/datum-driver/.template.config/template.json" }));
        });
    }

    private static Dictionary<string, string> Versions(XDocument props) =>
        props.Descendants("PackageVersion").ToDictionary(e => (string)e.Attribute("Include")!, e => (string)e.Attribute("Version")!);

    // The contract's symbols are a package of their own, the others' are in the assembly.
    private static async Task<MetadataReaderProvider> SymbolsAsync(string id, byte[] assembly)
    {
        if (id == "Datum.Providers.Abstractions")
        {
            using var symbols = await ZipFile.OpenReadAsync(Directory.EnumerateFiles(await PackedPackages.FeedAsync(), $"{id}.*.snupkg").Single());
            return MetadataReaderProvider.FromPortablePdbImage([.. Bytes(symbols, $"lib/net10.0/{id}.pdb")]);
        }

        using var image = new PEReader(new MemoryStream(assembly));
        var entry = image.ReadDebugDirectory().Single(e => e.Type == DebugDirectoryEntryType.EmbeddedPortablePdb);
        return image.ReadEmbeddedPortablePdbDebugDirectoryData(entry);
    }

    private static async Task<ZipArchive> OpenAsync(string id) =>
        await ZipFile.OpenReadAsync(Directory.EnumerateFiles(await PackedPackages.FeedAsync(), $"{id}.*.nupkg").Single());

    private static XElement Nuspec(ZipArchive package) =>
        XDocument.Parse(Text(package, package.Entries.Single(e => e.FullName.EndsWith(".nuspec", StringComparison.Ordinal)).FullName)).Root!.Elements().Single();

    private static string? Value(XElement metadata, string name) => metadata.Elements().SingleOrDefault(e => e.Name.LocalName == name)?.Value;

    private static string Text(ZipArchive package, string file) => Encoding.UTF8.GetString(Bytes(package, file)).TrimStart('\uFEFF');

    private static byte[] Bytes(ZipArchive package, string file)
    {
        using var stream = (package.GetEntry(file) ?? throw new AssertionException($"The package has no {file}.")).Open();
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }
}
