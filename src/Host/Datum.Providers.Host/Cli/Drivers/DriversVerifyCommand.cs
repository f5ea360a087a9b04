using System.CommandLine;
using Datum.Providers.Host.Loader;

namespace Datum.Providers.Host.Cli;

/// <summary>Result of <c>drivers verify</c>.</summary>
internal sealed record DriverVerifyResult
{
    /// <summary>Whether every check of every folder passed.</summary>
    public required bool Passed { get; init; }

    public required IReadOnlyList<VerifiedFolder> Drivers { get; init; }
}

/// <summary>A folder and its checks in the loader's order.</summary>
internal sealed record VerifiedFolder
{
    public required string Folder { get; init; }

    public string? Id { get; init; }

    public string? Version { get; init; }

    /// <summary>SHA-256 of driver.json.</summary>
    public string? Digest { get; init; }

    /// <summary>Id of the key that signed; null where no keys were named or none of them did.</summary>
    public string? SignedBy { get; init; }

    public required bool Passed { get; init; }

    public required IReadOnlyList<DriverCheckResult> Checks { get; init; }
}

/// <summary><c>drivers verify</c></summary>
internal static class DriversVerifyCommand
{
    public static Command Create(CliContext context)
    {
        var folder = new Argument<string>("FOLDER|VOLUME") { Description = "A driver's folder, or a volume with one folder for each driver." };
        var load = new Option<bool>("--load") { Description = "Also load the driver, run its constructor and its description, and let go of it. Runs its code." };
        var trusted = PlaneOptions.TrustedDigests();
        var keys = PlaneOptions.DriverKeys();
        return new CliCommand("verify", "Makes every check of the loader and says of each whether it passed. Runs no code of a driver without --load. Exit code 1 when one failed.",
            new("datum-providers drivers verify drivers", "Every driver of a volume"),
            new("datum-providers drivers verify drivers/simulator --load", "One driver, its code too"),
            new("datum-providers drivers verify drivers -o json", "The same for a script"))
        {
            folder, load, trusted, keys,
        }.Does(context, (result, output) =>
        {
            var verified = Verify(result.GetRequiredValue(folder), result.GetValue(load), PlaneOptions.Set(result.GetValue(trusted)), PlaneOptions.Keys(result.GetValue(keys)), output);
            output.Result(verified, CliJson.Readable.DriverVerifyResult, Write);
            return verified.Passed ? ExitCodes.Done : ExitCodes.Failed;
        });
    }

    private static DriverVerifyResult Verify(string path, bool load, IReadOnlySet<string>? trusted, DriverKeys? keys, IConsoleOutput output)
    {
        if (!Directory.Exists(path))
            throw new CliException($"'{path}' is no folder. Name a driver's folder, or a volume with one folder for each driver.");
        var single = File.Exists(Path.Combine(path, DriverFinder.ManifestName));
        List<VerifiedFolder> drivers = [];
        void Refused(DriverRejection rejection) => drivers.Add(new VerifiedFolder
        {
            Folder = rejection.Folder, Passed = false, Checks = [new DriverCheckResult("folder", rejection.Phase, DriverCheckState.Failed, rejection.Reason, rejection.Message)],
        });
        var folders = single ? [DriverFinder.Single(path)] : DriverFinder.Find(path, Refused);
        var options = new DriverVolumeOptions { Path = single ? Path.GetDirectoryName(Path.GetFullPath(path)) ?? path : path, TrustedDigests = trusted, Keys = keys };
        List<DriverManifest> known = [];
        foreach (var folder in folders)
        {
            output.Progress($"Verifying {folder.Path} ...");
            List<DriverCheckResult> checks = [];
            var driver = DriverTrial.Run(folder, options, load, checks.Add);
            var manifest = driver?.Manifest;
            if (manifest is not null && !single)
            {
                checks.Add(Unique(manifest, known));
                known.Add(manifest);
            }

            drivers.Add(new VerifiedFolder
            {
                Folder = folder.Path, Id = manifest?.Id, Version = manifest?.Version, Digest = manifest?.Digest, SignedBy = driver?.SignedBy,
                Passed = checks.TrueForAll(c => c.State != DriverCheckState.Failed), Checks = checks,
            });
        }

        return drivers.Count == 0
            ? throw new CliException($"'{path}' holds neither {DriverFinder.ManifestName} nor a driver's folder. Pack a driver with 'datum-providers drivers pack'.")
            : new DriverVerifyResult { Passed = drivers.TrueForAll(d => d.Passed), Drivers = drivers };
    }

    private static DriverCheckResult Unique(DriverManifest manifest, List<DriverManifest> earlier)
    {
        DriverCheckResult Failed(DriverRejectionReason reason, string what) => new("unique", DriverPhase.Verify, DriverCheckState.Failed, reason,
            $"An earlier folder of the volume has {what} too; the loader takes the first by path. Remove one of them.");
        if (earlier.Exists(e => e.Id == manifest.Id))
            return Failed(DriverRejectionReason.DuplicateId, $"id {manifest.Id}");
        return earlier.Exists(e => e.LocationKey == manifest.LocationKey)
            ? Failed(DriverRejectionReason.DuplicateLocationKey, $"location key {manifest.LocationKey}")
            : new DriverCheckResult("unique", DriverPhase.Verify, DriverCheckState.Passed, null, null);
    }

    private static void Write(DriverVerifyResult result, TextResult text)
    {
        foreach (var driver in result.Drivers)
        {
            text.Line(new Styled(driver.Id ?? Path.GetFileName(driver.Folder), Tone.Strong), driver.Version is null ? "" : $" {driver.Version}", driver.SignedBy is null ? "" : $" signed by {driver.SignedBy}", new($"  {driver.Folder}", Tone.Dim));
            text.Table(["CHECK", "RESULT", ""],
            [
                .. driver.Checks.Select(c => (Styled[])[c.Name, new(c.State.ToString().ToLowerInvariant(), ToneOf(c.State)), c.Message is null ? "" : c.Reason is null ? c.Message : $"{c.Reason}: {c.Message}"]),
            ], indent: "  ");
        }
    }

    private static Tone ToneOf(DriverCheckState state) => state switch
    {
        DriverCheckState.Passed => Tone.Good,
        DriverCheckState.Failed => Tone.Bad,
        _ => Tone.Warning,
    };
}
