using System.CommandLine;
using Datum.Providers.Host.Loader;

namespace Datum.Providers.Host.Cli;

/// <summary>Result of <c>drivers pack</c>.</summary>
internal sealed record DriverPackResult
{
    public required string Folder { get; init; }

    public required string Id { get; init; }

    public required string Version { get; init; }

    public required string LocationKey { get; init; }

    public required string EntryType { get; init; }

    /// <summary>SHA-256 of driver.json: the digest to trust.</summary>
    public required string Digest { get; init; }

    /// <summary>Path to SHA-256.</summary>
    public required IReadOnlyDictionary<string, string> Files { get; init; }

    /// <summary>Files of the project's output that are no part of a driver.</summary>
    public required IReadOnlyList<string> LeftOut { get; init; }

    /// <summary>Id of the key that driver.json was signed with; null when it wasn't.</summary>
    public string? SignedBy { get; init; }

    public string? Archive { get; init; }

    public string? ArchiveDigest { get; init; }
}

/// <summary><c>drivers pack</c></summary>
internal static class DriversPackCommand
{
    public static Command Create(CliContext context)
    {
        var output = new Argument<string>("PROJECT-OUTPUT") { Description = "The folder that the driver's project was built to." };
        var to = new Option<string>("--to") { Description = "The driver volume; the driver goes to a folder of its id in it.", HelpName = "VOLUME", Required = true };
        var id = Text("--id", "ID", "The driver's id; from driver.json when absent.");
        var key = Text("--location-key", "KEY", "The key under Location.spec.provider; from driver.json when absent.");
        var entry = Text("--entry-assembly", "FILE", "The driver's assembly; from driver.json, or the one with a .deps.json, when absent.");
        var type = Text("--entry-type", "TYPE", "The class that implements IDriverFactory; from driver.json, or the only one there, when absent.");
        var version = Text("--driver-version", "VERSION", "The driver's version; from driver.json, or the assembly's, when absent.");
        var min = Text("--contract-min", "VERSION", "The oldest contract (major.minor) that the driver runs on; from driver.json, or the one that its assembly was built with, when absent.");
        var max = Text("--contract-max", "VERSION", "The newest one; a major alone is all its minors.");
        var sign = Text("--sign-key", "KEY.pem", "Private key (PEM, ECDSA P-256) to sign driver.json with; writes driver.json.sig.");
        var archive = new Option<bool>("--archive") { Description = "Also write ID-VERSION.tar.gz beside the folder." };
        return new CliCommand("pack", "Makes a driver folder of a built project: its files, and driver.json with their digests. The same input gives the same bytes.",
            new("datum-providers drivers pack bin/Release/net10.0 --to drivers --id example --location-key example", "A project's first pack"),
            new("datum-providers drivers pack drivers/simulator --to packed --archive", "Pack a driver folder again, with an archive"),
            new("datum-providers drivers pack drivers/simulator --to packed --sign-key key.pem", "Sign it: hosts with --driver-keys take it then"))
        {
            output, to, id, key, entry, type, version, min, max, sign, archive,
        }.Does(context, (result, console) =>
        {
            console.Progress("Packing ...");
            var packed = Run(new PackRequest
            {
                Source = result.GetRequiredValue(output), Target = result.GetRequiredValue(to), Id = result.GetValue(id), LocationKey = result.GetValue(key),
                EntryAssembly = result.GetValue(entry), EntryType = result.GetValue(type), Version = result.GetValue(version),
                ContractMin = result.GetValue(min), ContractMax = result.GetValue(max),
                SignKey = result.GetValue(sign),
            }, result.GetValue(archive));
            console.Result(packed, CliJson.Readable.DriverPackResult, Write);
            return ExitCodes.Done;
        });
    }

    private static Option<string?> Text(string name, string helpName, string description) => new(name) { Description = description, HelpName = helpName };

    private static DriverPackResult Run(PackRequest request, bool archive)
    {
        try
        {
            var packed = DriverPacker.Pack(request);
            var path = archive ? DriverArchive.Write(packed) : null;
            return new DriverPackResult
            {
                Folder = packed.Folder, Id = packed.Manifest.Id, Version = packed.Manifest.Version, LocationKey = packed.Manifest.LocationKey,
                EntryType = packed.Manifest.EntryType, Digest = packed.Manifest.Digest, Files = packed.Manifest.Files, LeftOut = packed.LeftOut,
                SignedBy = packed.SignedBy,
                Archive = path, ArchiveDigest = path is null ? null : DriverVerifier.Digest(File.ReadAllBytes(path)),
            };
        }
        catch (DriverPackException e)
        {
            throw new CliException(e.Message);
        }
    }

    private static void Write(DriverPackResult packed, TextResult text)
    {
        text.Line(new Styled($"{packed.Id} {packed.Version}", Tone.Strong), $" in {packed.Folder}");
        text.Table(["FILE", "SHA-256"], [.. packed.Files.Select(f => (Styled[])[f.Key, f.Value])], indent: "  ");
        if (packed.LeftOut.Count > 0)
            text.Line(new Styled($"  left out: {string.Join(", ", packed.LeftOut)}", Tone.Dim));
        text.Line($"Digest to trust: {packed.Digest}");
        if (packed.SignedBy is not null)
            text.Line($"Signed by key: {packed.SignedBy}");
        if (packed.Archive is not null)
            text.Line($"Archive: {packed.Archive} (SHA-256 {packed.ArchiveDigest})");
    }
}
