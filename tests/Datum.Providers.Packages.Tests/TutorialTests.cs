using System.Text.RegularExpressions;

namespace Datum.Providers.Packages.Tests;

/// <summary>docs/writing-a-driver.md, done as it says: the project is made, every marked block is applied, and the result builds and passes the kit.</summary>
public sealed partial class TutorialTests
{
    private const string Name = "Acme.Cloud";

    private static IReadOnlyList<Block> Blocks { get; } = [.. Fence().Matches(File.ReadAllText(Repository.Path("docs/writing-a-driver.md")))
        .Select(m => new Block(m.Groups["language"].Value, m.Groups["file"].Value, m.Groups["text"].Value))];

    [Test]
    public void Every_code_block_but_shell_is_marked_with_its_file() =>
        Assert.That(AnyFence().Matches(File.ReadAllText(Repository.Path("docs/writing-a-driver.md"))).Select(m => m.Groups[1].Value).Where(i => i != "sh" && !i.Contains("file=", StringComparison.Ordinal)), Is.Empty);

    [Test]
    [Category("Slow")]
    public async Task The_tutorials_changes_apply_to_the_template_build_and_pass_the_kit()
    {
        Assert.That(Blocks, Has.Count.GreaterThan(5));
        using var space = Workspace.Create();
        await PackedPackages.CopyToAsync(space);
        await JourneyTests.GenerateAsync(space, Name);
        var project = Path.Combine(space.Folder, Name);

        foreach (var block in Blocks)
            await block.ApplyAsync(project);

        await Tool.DotnetAsync(space, project, "build", "-warnaserror", "-v", "q");
        var output = await Tool.DotnetAsync(space, project, "test", "--no-build");
        Assert.That(output, Does.Match(@"failed: 0\b"));
        TestContext.Out.WriteLine(string.Join('\n', output.Split('\n').TakeLast(8)));
    }

    [GeneratedRegex(@"^```(?<language>\w+) file=(?<file>\S+)\n(?<text>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"^```(\w.*)$", RegexOptions.Multiline)]
    private static partial Regex AnyFence();

    /// <summary>A block of the page: a whole file, or (<c>diff</c>) lines that go and come.</summary>
    private sealed record Block(string Language, string File, string Text)
    {
        public async Task ApplyAsync(string project)
        {
            var path = Path.Combine(project, File);
            if (Language != "diff")
            {
                await System.IO.File.WriteAllTextAsync(path, Text);
                return;
            }

            var lines = Text.TrimEnd('\n').Split('\n');
            var (from, to) = (Lines(lines, '-'), Lines(lines, '+'));
            var before = await System.IO.File.ReadAllTextAsync(path);
            Assert.That(before.Split(from), Has.Length.EqualTo(2), $"{File} holds this exactly once:\n{from}");
            await System.IO.File.WriteAllTextAsync(path, before.Replace(from, to, StringComparison.Ordinal));
        }

        private static string Lines(IEnumerable<string> lines, char kind) =>
            string.Concat(lines.Where(l => l.Length == 0 || l[0] == ' ' || l[0] == kind).Select(l => (l.Length == 0 ? "" : l[1..]) + "\n"));
    }
}
