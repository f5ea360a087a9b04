namespace Datum.Providers.Packages.Tests;

/// <summary>The four packages, packed once for all tests of this assembly.</summary>
[SetUpFixture]
public sealed class PackedPackages
{
    private static readonly Lazy<Task<Workspace>> s_packed = new(PackAsync);

    public static IReadOnlyList<string> Ids { get; } =
        ["Datum.Providers.Abstractions", "Datum.Providers.Sdk", "Datum.Providers.Conformance", "Datum.Providers.Templates"];

    /// <summary>The folder with the packages.</summary>
    internal static async Task<string> FeedAsync() => (await s_packed.Value).Feed;

    /// <summary>Copies the packages into another feed.</summary>
    internal static async Task CopyToAsync(Workspace space)
    {
        foreach (var file in Directory.EnumerateFiles(await FeedAsync(), "*.nupkg"))
            File.Copy(file, Path.Combine(space.Feed, Path.GetFileName(file)));
    }

    [OneTimeTearDown]
    public async Task RemoveAsync()
    {
        if (s_packed.IsValueCreated)
            (await s_packed.Value).Dispose();
    }

    private static async Task<Workspace> PackAsync()
    {
        var space = Workspace.Create();
        await space.PackAsync([.. Ids]);
        return space;
    }
}
