using System.Globalization;

namespace Datum.Providers.Packages.Tests;

/// <summary>
/// An empty folder outside of the repository, as a third party has it: a feed with our packages beside the machine's own sources, and package
/// and template folders of its own, so that nothing of the machine's is changed and no older package of the same version is taken.
/// </summary>
internal sealed class Workspace : IDisposable
{
    private int _logs;

    private Workspace(string folder)
    {
        Folder = folder;
        Feed = Directory.CreateDirectory(Path.Combine(folder, "feed")).FullName;
        Hive = Path.Combine(folder, "hive");
        Packages = Path.Combine(folder, "packages");
        Environment = new Dictionary<string, string>
        {
            ["NUGET_PACKAGES"] = Packages,
            ["DOTNET_NOLOGO"] = "1",
            ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
            // No build server outlives the test.
            ["MSBUILDDISABLENODEREUSE"] = "1",
            ["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0",
            ["UseSharedCompilation"] = "false",
        };
        File.WriteAllText(Path.Combine(folder, "nuget.config"), $"""
            <configuration>
              <packageSources><add key="local" value="{Feed}" /></packageSources>
              <fallbackPackageFolders><add key="machine" value="{View(folder)}" /></fallbackPackageFolders>
            </configuration>
            """);
    }

    public string Folder { get; }

    /// <summary>The folder that serves as package source.</summary>
    public string Feed { get; }

    /// <summary>Where <c>dotnet new</c> keeps its templates.</summary>
    public string Hive { get; }

    /// <summary>Where packages are unpacked.</summary>
    public string Packages { get; }

    public IReadOnlyDictionary<string, string> Environment { get; }

    public static Workspace Create() => new(Directory.CreateTempSubdirectory("datum-packages-").FullName);

    public string NextLog() => Path.Combine(Folder, string.Create(CultureInfo.InvariantCulture, $"log-{Interlocked.Increment(ref _logs)}.txt"));

    /// <summary>Packs projects of this build, without building them again, into the feed.</summary>
    public async Task PackAsync(params string[] projects)
    {
        foreach (var project in projects)
            await Tool.DotnetAsync(this, Folder, "pack", Repository.Path($"src/Core/{project}"), "--no-build", "-c", Repository.Configuration, "-o", Feed, "-v", "q");
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    // What the machine has unpacked already is taken from there, except for packages of ours: those come from the feed.
    private static string View(string folder)
    {
        var view = Directory.CreateDirectory(Path.Combine(folder, "machine")).FullName;
        var unpacked = System.Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } named
            ? named : Path.Combine(System.Environment.GetFolderPath(System.Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        if (Directory.Exists(unpacked))
            foreach (var package in Directory.EnumerateDirectories(unpacked).Where(p => !Path.GetFileName(p).StartsWith("datum.", StringComparison.OrdinalIgnoreCase)))
                Directory.CreateSymbolicLink(Path.Combine(view, Path.GetFileName(package)), package);
        return view;
    }
}
