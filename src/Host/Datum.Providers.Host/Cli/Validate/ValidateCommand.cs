using System.CommandLine;
using Datum.Providers.Host.Loader;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Host.Cli;

/// <summary><c>validate</c></summary>
internal static class ValidateCommand
{
    public static Command Create(CliContext context)
    {
        var files = new Option<string[]>("--filename", "-f") { Description = "A manifest file, a folder of them, or - for standard input; may be repeated.", HelpName = "FILE|FOLDER|-", Required = true };
        var recursive = new Option<bool>("--recursive", "-R") { Description = "Look into the folders of a folder too." };
        var drivers = new Option<string?>("--drivers") { Description = "Also check against the drivers of this volume: schemas, and what their platforms can do. Runs their descriptions.", HelpName = "VOLUME" };
        var against = new Option<string?>("--against") { Description = "Kubeconfig of a plane, which is only read: also check cities and Networks against it, and with --drivers what the Locations' platforms can do.", HelpName = "FILE" };
        var development = new Option<bool>("--development") { Description = "That plane is one of dev: a ProviderConfig without allowed allows everybody." };
        return new CliCommand("validate", "Checks manifests without a plane, as an API server with our kinds would with kubectl apply --validate=strict, then as this host would. Exit code 1 when one is refused.",
            new("datum-providers validate -f manifests", "Every manifest of a folder"),
            new("datum-providers validate -f manifests/location.yaml --drivers drivers", "Location blocks, settings and wishes against the drivers too"),
            new("datum-providers validate -f manifests --against kc --drivers drivers --development", "Cities, Networks and capabilities of a plane's Locations too"),
            new("cat manifests/location.yaml | datum-providers validate -f - -o json", "From standard input, for a script"))
        {
            files, recursive, drivers, against, development,
        }.Does(context, async (result, output, cancellation) =>
        {
            var read = ManifestFiles.Read(result.GetRequiredValue(files), result.GetValue(recursive), context.Terminal);
            output.Progress("Validating ...");
            var catalog = Catalog(result.GetValue(drivers), output);
            var descriptors = catalog?.Drivers.Select(d => d.Descriptor).ToList();
            IReadOnlyList<ManifestFinding> findings;
            if (result.GetValue(against) is { } kubeconfig)
                findings = await PlaneConnection.WithAsync(kubeconfig, async client =>
                {
                    using var knowledge = await AgainstPlane.OpenAsync(client, catalog, result.GetValue(drivers) ?? "", result.GetValue(development), cancellation);
                    using var checker = new ManifestChecker(new HostRules(descriptors, knowledge.Rules));
                    return await checker.CheckAsync(read, objects => knowledge.FillAsync(objects, cancellation));
                }, cancellation);
            else
            {
                using var checker = new ManifestChecker(new HostRules(descriptors));
                findings = await checker.CheckAsync(read);
            }
            var errors = findings.Count(f => f.Severity == FindingSeverity.Error);
            output.Result(new ValidateResult
            {
                Valid = errors == 0, Files = read.Count, Objects = read.Sum(f => f.Objects.Length), Errors = errors, Warnings = findings.Count - errors, Findings = findings,
            }, CliJson.Readable.ValidateResult, Write);
            if (read.Sum(f => f.Objects.Length + f.Errors.Length) == 0)
                output.Warning("There is no object in what was given.");
            return errors == 0 ? ExitCodes.Done : ExitCodes.Failed;
        });
    }

    private static DriverCatalog? Catalog(string? volume, IConsoleOutput output)
    {
        if (volume is null)
            return null;
        var catalog = DriverCatalog.Load(new DriverVolumeOptions { Path = volume }, NullLoggerFactory.Instance, TimeProvider.System);
        foreach (var rejection in catalog.Rejections)
            output.Warning($"{rejection.Reason}: {rejection.Message}");
        return catalog.Drivers.Count > 0
            ? catalog
            : throw new CliException($"--drivers '{volume}': no driver of it can be loaded. See 'datum-providers drivers verify {volume}'.");
    }

    private static void Write(ValidateResult result, TextResult text)
    {
        foreach (var finding in result.Findings)
        {
            var isError = finding.Severity == FindingSeverity.Error;
            var what = finding.Kind is null ? "" : $"{finding.Kind}{(finding.Name is null ? "" : $"/{finding.Name}")}: ";
            var field = finding.Field is null || finding.Message.StartsWith(finding.Field, StringComparison.Ordinal) ? "" : $"{finding.Field}: ";
            text.Line(new Styled($"{finding.File}:{finding.Line}: ", Tone.Strong), new(isError ? "error" : "warning", isError ? Tone.Bad : Tone.Warning),
                $" ({finding.Source.ToString().ToLowerInvariant()}): {what}{field}{finding.Message}{(finding.Advice is null ? "" : $"{(finding.Message.EndsWith('.') ? "" : ".")} {finding.Advice}")}");
        }

        text.Line($"{Count(result.Objects, "object")} in {Count(result.Files, "file")}: ",
            result.Valid ? new Styled("valid", Tone.Good) : new Styled(Count(result.Errors, "error"), Tone.Bad), result.Warnings == 0 ? "" : $", {Count(result.Warnings, "warning")}");
    }

    private static string Count(int number, string what) => $"{number} {what}{(number == 1 ? "" : "s")}";
}
