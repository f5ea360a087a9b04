using System.CommandLine;
using Datum.Providers.Host.Loader;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Host.Cli;

/// <summary>Result of <c>drivers list</c>.</summary>
internal sealed record DriverListResult
{
    /// <summary>By path of their folders.</summary>
    public required IReadOnlyList<DriverListItem> Drivers { get; init; }
}

/// <summary>A folder of the volume.</summary>
internal sealed record DriverListItem
{
    public required string Folder { get; init; }

    /// <summary>Null where driver.json can't be read.</summary>
    public string? Id { get; init; }

    public string? Version { get; init; }

    /// <summary><c>Ready</c> or <c>Rejected</c>.</summary>
    public required string State { get; init; }

    public string? LocationKey { get; init; }

    /// <summary>SHA-256 of driver.json.</summary>
    public string? Digest { get; init; }

    /// <summary>For a rejected one: the phase that it failed in.</summary>
    public DriverPhase? Phase { get; init; }

    public DriverRejectionReason? Reason { get; init; }

    public string? Message { get; init; }
}

/// <summary><c>drivers list</c></summary>
internal static class DriversListCommand
{
    private const int ShortDigest = 12;

    public static Command Create(CliContext context)
    {
        var drivers = PlaneOptions.Drivers();
        return new CliCommand("list", "Loads the drivers of a volume and says what was found. Exit code 1 when one was rejected.",
            new("datum-providers drivers list --drivers drivers", "What would be loaded, and what not and why"),
            new("datum-providers drivers list --drivers drivers -o json", "The same for a script"))
        {
            drivers,
        }.Does(context, (result, output) =>
        {
            output.Progress("Loading the drivers ...");
            var catalog = DriverCatalog.Load(new DriverVolumeOptions { Path = result.GetRequiredValue(drivers) }, NullLoggerFactory.Instance, TimeProvider.System);
            output.Result(Describe(catalog), CliJson.Readable.DriverListResult, Write);
            if (catalog.Drivers.Count + catalog.Rejections.Count == 0)
                output.Warning($"{Path.GetFullPath(result.GetRequiredValue(drivers))} holds no driver folder.");
            return catalog.Rejections.Count == 0 ? ExitCodes.Done : ExitCodes.Failed;
        });
    }

    private static DriverListResult Describe(DriverCatalog catalog) => new()
    {
        Drivers =
        [
            .. catalog.Drivers.Select(d => new DriverListItem
            {
                Folder = d.Folder, Id = d.Descriptor.Id, Version = d.Descriptor.Version, State = "Ready", LocationKey = d.Descriptor.LocationKey, Digest = d.Digest,
            }).Concat(catalog.Rejections.Select(r => new DriverListItem
            {
                Folder = r.Folder, Id = r.Id, State = "Rejected", Phase = r.Phase, Reason = r.Reason, Message = r.Message,
            })).OrderBy(d => d.Folder, StringComparer.Ordinal),
        ],
    };

    private static void Write(DriverListResult result, TextResult text)
    {
        text.Table(["ID", "VERSION", "STATE", "LOCATION KEY", "DIGEST"],
        [
            .. result.Drivers.Select(d => (Styled[])
            [
                d.Id ?? Path.GetFileName(d.Folder), d.Version ?? "-", new(d.State, d.Reason is null ? Tone.Good : Tone.Bad), d.LocationKey is null ? "-" : $"provider.{d.LocationKey}", d.Digest?[..ShortDigest] ?? "-",
            ]),
        ]);
        foreach (var rejected in result.Drivers.Where(d => d.Reason is not null))
            text.Line(rejected.Id ?? Path.GetFileName(rejected.Folder), ": ", new($"{rejected.Reason}", Tone.Bad), $": {rejected.Message}");
    }
}
