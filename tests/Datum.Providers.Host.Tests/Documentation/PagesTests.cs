using System.Net;
using System.Text.RegularExpressions;

namespace Datum.Providers.Host.Tests.Documentation;

/// <summary>Pages lead somewhere, name what exists, and nothing tracked names the machine that it was written on.</summary>
public sealed partial class PagesTests
{
    private const int MainPath = 7;

    // Everybody can reach these, or they name a standard.
    private static readonly string[] _publicHosts =
    [
        "github.com", "dot.net", "keepachangelog.com", "semver.org", "www.conventionalcommits.org", "www.apache.org",
        "registry-1.docker.io", "index.docker.io", "quay.io",
        // Services of clouds that drivers speak to.
        "compute.googleapis.com", "secretmanager.googleapis.com", "oauth2.googleapis.com", "sts.googleapis.com", "iamcredentials.googleapis.com", "www.googleapis.com",
        "metadata.google.internal",
        // Names of schemas and clouds that published test vectors and formats hold.
        "schemas.microsoft.com", "schemas.xmlsoap.org", "www.w3.org", "management.azure.com", "iam.amazonaws.com", "example.amazonaws.com", "examplebucket.s3.amazonaws.com",
    ];

    private static readonly string[] _binary = [".png", ".jpg", ".ico", ".pfx", ".snk", ".gz", ".zip", ".nupkg"];

    private static IEnumerable<string> Markdown() => Repository.Files(ending: ".md").Select(Repository.Relative).Order(StringComparer.Ordinal);

    [Test]
    public void There_are_pages_to_look_at() =>
        Assert.That(Markdown(), Is.SupersetOf(new[] { "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md", "docs/operations.md", "docs/driver-contract.md" }));

    [TestCaseSource(nameof(Markdown))]
    public void Relative_links_lead_to_a_file_and_a_heading(string page)
    {
        var broken = new List<string>();
        foreach (var link in Page.Of(page).Links().Where(l => !l.Contains("://", StringComparison.Ordinal) && !l.StartsWith("mailto:", StringComparison.Ordinal)))
        {
            var parts = link.Split('#', 2);
            var target = parts[0].Length == 0 ? Repository.Path(page) : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Repository.Path(page))!, parts[0]));
            if (!File.Exists(target) && !Directory.Exists(target))
                broken.Add($"{link}: no such file");
            else if (!target.StartsWith(Repository.Root, StringComparison.Ordinal))
                broken.Add($"{link}: leads out of the repository");
            else if (parts.Length > 1 && target.EndsWith(".md", StringComparison.Ordinal) && !new Page(File.ReadAllText(target)).Anchors().Contains(parts[1]))
                broken.Add($"{link}: no such heading");
        }

        Assert.That(broken, Is.Empty);
    }

    [Test]
    public void The_main_path_names_seven_files_that_exist()
    {
        var files = Page.Of("README.md").Section("## The main path in seven files").Links().ToList();

        Assert.Multiple(() =>
        {
            Assert.That(files, Has.Count.EqualTo(MainPath).And.Unique);
            Assert.That(files.Where(f => !f.EndsWith(".cs", StringComparison.Ordinal) || !File.Exists(Repository.Path(f))), Is.Empty);
        });
    }

    [Test]
    public void Every_law_has_a_row_and_names_code_that_exists()
    {
        var rows = Page.Of("docs/architecture.md").Section("## Laws").Rows();
        var source = string.Join('\n', Repository.Source());
        var missing = rows.SelectMany(r => Page.Words(r[2])).Where(w => Identifier().IsMatch(w))
            .Where(w => !source.Contains(w, StringComparison.Ordinal) && w.Split('.').Any(part => !Regex.IsMatch(source, $@"\b{part}\b")) && !Repository.Files("src", $"{w}.cs").Any());

        Assert.Multiple(() =>
        {
            Assert.That(rows.Select(r => r[0]), Is.EqualTo(Enumerable.Range(1, 15).Select(n => $"L{n}")));
            Assert.That(rows.Select(r => r[3]), Has.All.Match("^(built|partly|not yet)"));
            Assert.That(missing, Is.Empty);
        });
    }

    [Test]
    public void Every_decision_is_listed()
    {
        var pages = Repository.Files("docs/decisions", ".md").Select(f => Path.GetFileName(f)!).Where(f => f != "README.md").Order(StringComparer.Ordinal).ToList();

        Assert.Multiple(() =>
        {
            Assert.That(Page.Of("docs/decisions/README.md").Links(), Is.EqualTo(pages));
            Assert.That(pages.Select(p => p[..4]), Is.EqualTo(Enumerable.Range(1, pages.Count).Select(n => $"{n:0000}")));
        });
    }

    [Test]
    public void Every_driver_has_a_page()
    {
        var drivers = Repository.Files("src/Drivers", ".csproj").SelectMany(f => DriverId().Matches(File.ReadAllText(f))).Select(m => m.Groups[1].Value).ToList();

        Assert.That(drivers, Is.Not.Empty);
        Assert.That(drivers.Where(d => !File.Exists(Repository.Path($"docs/providers/{d}.md"))), Is.Empty);
    }

    [Test]
    public void No_tracked_text_names_a_path_of_somebodys_machine()
    {
        var found = Texts().SelectMany(t => MachinePath().Matches(t.Text).Select(m => $"{t.File}: {m.Value}"));

        Assert.That(found, Is.Empty);
    }

    [Test]
    public void No_tracked_text_names_a_host_that_others_cant_reach()
    {
        var found = Texts().SelectMany(t => Address().Matches(t.Text).Select(m => m.Groups[1].Value).Where(h => !IsForEverybody(h)).Select(h => $"{t.File}: {h}"));

        Assert.That(found.Distinct(StringComparer.Ordinal), Is.Empty);
    }

    [TestCase("packages.corp.example.net.internal", false)]
    [TestCase("registry.somewhere.io", false)]
    [TestCase("8.8.8.8", false)]
    [TestCase("github.com", true)]
    [TestCase("cloud.test", true)]
    [TestCase("api.example.com", true)]
    [TestCase("127.0.0.1", true)]
    [TestCase("proxy", true)]
    public void The_search_for_hosts_knows_whom_everybody_can_reach(string host, bool everybody) => Assert.That(IsForEverybody(host), Is.EqualTo(everybody));

    [Test]
    public void The_search_for_paths_finds_one() =>
        Assert.That(MachinePath().IsMatch($"see {Path.AltDirectorySeparatorChar}home/somebody/notes"), Is.True);

    private static IEnumerable<(string File, string Text)> Texts() => Repository.Files()
        .Where(f => !_binary.Contains(Path.GetExtension(f)) && Path.GetFileName(f) != ".git").Select(f => (Repository.Relative(f), File.ReadAllText(f)));

    // One word is a name made up in a test; the reserved names and private addresses lead nowhere outside.
    private static bool IsForEverybody(string host)
    {
        if (IPAddress.TryParse(host, out var address))
            return IPAddress.IsLoopback(address) || address.GetAddressBytes() is [10, ..] or [192, 168, ..] or [172, >= 16 and < 32, ..] or [192, 0, 2, _] or [198, 51, 100, _] or [203, 0, 113, _] or [169, 254, ..] or [0, 0, 0, 0];
        return !host.Contains('.', StringComparison.Ordinal) || _publicHosts.Contains(host)
            || ReservedName().IsMatch(host);
    }

    [GeneratedRegex(@"(?<![\w.$}\])])/(?:work|home|root|Users)/\w")]
    private static partial Regex MachinePath();

    [GeneratedRegex(@"https?://(?:[\w.%-]+(?::[\w.%-]*)?@)?([A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9]|[A-Za-z0-9])")]
    private static partial Regex Address();

    [GeneratedRegex(@"(?:^|\.)(?:test|invalid|example|localhost|example\.(?:com|net|org))$")]
    private static partial Regex ReservedName();

    [GeneratedRegex(@"^[A-Z]\w+(?:\.[A-Z]\w+)*$")]
    private static partial Regex Identifier();

    [GeneratedRegex(@"<DriverId>([^<]+)</DriverId>")]
    private static partial Regex DriverId();
}
