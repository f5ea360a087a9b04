using System.CommandLine;

namespace Datum.Providers.Host.Cli;

/// <summary><c>dev</c></summary>
internal static class DevCommand
{
    public static Command Create(CliContext context)
    {
        var state = new Option<string?>("--state") { Description = "Folder that keeps the embedded plane's objects; without it they live in memory.", HelpName = "FOLDER" };
        var drivers = PlaneOptions.Drivers();
        var trusted = PlaneOptions.TrustedDigests();
        var keys = PlaneOptions.DriverKeys();
        var port = new Option<int>("--port") { Description = "Port of the embedded plane on loopback; 0 takes a free one.", HelpName = "PORT", DefaultValueFactory = _ => 0 };
        port.Validators.Add(found =>
        {
            if (found.Tokens.Count > 0 && int.TryParse(found.Tokens[0].Value, out var number) && number is < 0 or > 65535)
                found.AddError($"--port '{number}': must be 0 to 65535.");
        });
        var kubeconfig = new Option<string>("--kubeconfig") { Description = "File that is written for kubectl once the plane listens.", HelpName = "FILE", DefaultValueFactory = _ => "datum-dev.kubeconfig" };
        var projects = new Option<bool>("--projects") { Description = "Give every Project and Organization a control plane of its own, under Datum Cloud's paths." };
        var tokens = new Option<string?>("--tokens") { Description = "File (YAML, mode 0600) with bearer tokens, personal access tokens and service accounts; implies --projects.", HelpName = "FILE" };
        var observe = PlaneOptions.ObserveOnly();
        var export = new ExportCliOptions(on: true);
        return new CliCommand("dev", "Runs host and embedded plane in one process, for one machine.",
            new("datum-providers dev --drivers drivers", "Try it: everything in memory, gone with Ctrl-C"),
            new("datum-providers dev --drivers drivers --state state --kubeconfig kc", "Keep objects over restarts"))
        {
            state, drivers, trusted, keys, port, kubeconfig, projects, tokens, observe, export.Export, export.Period, export.Allow, export.Deny, export.Http,
        }.Does(context, (result, output, cancellation) => DevHost.RunAsync(new DevSettings
        {
            State = result.GetValue(state), Drivers = result.GetRequiredValue(drivers), TrustedDigests = PlaneOptions.Set(result.GetValue(trusted)), DriverKeys = PlaneOptions.Keys(result.GetValue(keys)), Port = result.GetValue(port),
            Kubeconfig = result.GetRequiredValue(kubeconfig), ObserveOnly = result.GetValue(observe),
            Projects = result.GetValue(projects), Tokens = result.GetValue(tokens), Export = export.Read(result),
        }, output, cancellation));
    }
}
