namespace Datum.Providers.Packages.Tests;

/// <summary>A contract that a driver built from the frozen package couldn't run on isn't packed.</summary>
[Category("Slow")]
public sealed class PackageValidationTests
{
    private const string Project = "src/Core/Datum.Providers.Abstractions";

    [Test]
    public async Task A_member_that_is_gone_fails_the_packing_of_the_contract()
    {
        var (code, output) = await PackChangedAsync("Driver/Call.cs", "public required string Id { get; init; }\n\n    /// <summary>Reads exactly", "public required string CallId { get; init; }\n\n    /// <summary>Reads exactly");

        Assert.Multiple(() =>
        {
            Assert.That(code, Is.Not.Zero);
            Assert.That(output, Does.Contain("CP0002").And.Contain("Datum.Providers.Call.Id.get"));
        });
    }

    [Test]
    public async Task A_member_that_is_new_and_optional_passes()
    {
        var (code, output) = await PackChangedAsync("Driver/Call.cs", "    /// <summary>Reads exactly", "    /// <summary>New.</summary>\n    public string? Extra { get; init; }\n\n    /// <summary>Reads exactly");

        Assert.That(code, Is.Zero, output);
    }

    /// <summary>Packs a copy of the project with one change, in the same layout, so that the project file itself is what is tested.</summary>
    private static async Task<(int ExitCode, string Output)> PackChangedAsync(string file, string from, string to)
    {
        using var space = Workspace.Create();
        var root = Path.Combine(space.Folder, "copy");
        foreach (var name in new[] { "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "global.json", ".editorconfig", "BannedSymbols.txt" })
            Copy(name);
        foreach (var folder in new[] { "build", Project })
            foreach (var path in Directory.EnumerateFiles(Repository.Path(folder), "*", SearchOption.AllDirectories))
                Copy(Path.GetRelativePath(Repository.Root, path));
        var source = Path.Combine(root, Project, file);
        var text = await File.ReadAllTextAsync(source);
        Assert.That(text, Does.Contain(from), "the change finds what it changes");
        await File.WriteAllTextAsync(source, text.Replace(from, to, StringComparison.Ordinal));

        return await Tool.TryDotnetAsync(space, root, "pack", Project, "-c", "Release", "-o", space.Feed, "-v", "q");

        void Copy(string relative)
        {
            var target = Path.Combine(root, relative);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(Repository.Path(relative), target);
        }
    }
}
