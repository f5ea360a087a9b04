using System.CommandLine;

namespace Datum.Providers.Host.Cli;

/// <summary><c>run</c></summary>
internal static class RunCommand
{
    /// <summary>In a container: an emptyDir, which outlives its containers and goes with the pod.</summary>
    private const string DefaultState = "/var/lib/datum-providers";

    public static Command Create(CliContext context)
    {
        var kubeconfig = new Option<string?>("--kubeconfig") { Description = "Kubeconfig of the plane that is home and project plane at once; KUBECONFIG, the pod's service account or ~/.kube/config when absent.", HelpName = "FILE" };
        var name = new Option<string?>("--context") { Description = "Context in the kubeconfig; its current-context when absent.", HelpName = "NAME" };
        var drivers = PlaneOptions.Drivers();
        var trusted = PlaneOptions.TrustedDigests();
        var keys = PlaneOptions.DriverKeys();
        var state = new Option<string?>("--state") { Description = $"Folder of this process's own that outlives it, for the crash record and the start-up report; {DefaultState} where that folder exists.", HelpName = "FOLDER" };
        var ns = new Option<string>("--namespace") { Description = "Namespace of credentials and the lease.", HelpName = "NAME", DefaultValueFactory = _ => "datum-providers" };
        var installation = new Option<string?>("--installation") { Description = "1 to 16 of [a-z0-9]; derived from the plane when absent.", HelpName = "ID" };
        installation.Validators.Add(found =>
        {
            if (found.Tokens.Count > 0 && found.Tokens[0].Value is var id && !(id.Length is > 0 and <= 16 && id.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c))))
                found.AddError($"--installation '{id}': must be 1 to 16 of [a-z0-9].");
        });
        var install = new Option<bool>("--install-crds") { Description = "Install or update our kinds first." };
        var core = new Option<string>("--core-controllers") { Description = "Whether Datum's own controllers run here: auto (where the Workload CRD is installed by us), always or never.", HelpName = "WHEN", DefaultValueFactory = _ => "auto" };
        core.AcceptOnlyFromAmong("auto", "always", "never");
        var observe = PlaneOptions.ObserveOnly();
        var webhook = new WebhookOptions();
        var export = new ExportCliOptions(on: false);
        var projects = new Option<string?>("--projects") { Description = "File (YAML) that says where Projects are found: the control plane of each that matches is worked on, and the kubeconfig's is home only.", HelpName = "FILE" };
        return new CliCommand("run", "Runs the host against an API server.",
            new("datum-providers run --kubeconfig kc --drivers drivers --namespace default --install-crds", "Our kinds are installed or updated first"),
            new("datum-providers run --kubeconfig kc --drivers drivers --namespace default --observe-only", "Look only: nothing changes at any platform"))
        {
            kubeconfig, name, drivers, trusted, keys, state, ns, installation, install, core, observe, projects, webhook.Listen, webhook.Certificate, webhook.Key, export.Export, export.Period, export.Allow, export.Deny, export.Http,
        }.Does(context, (result, output, cancellation) => result.GetValue(projects) is not null && webhook.Read(result) is not null
            ? throw new CliException("--webhook: asks for one plane with Datum kinds and can't stand beside --projects; leave one of them out.", ExitCodes.Usage)
            : RunHost.RunAsync(new RunSettings
            {
                Kubeconfig = result.GetValue(kubeconfig), Context = result.GetValue(name), Drivers = result.GetRequiredValue(drivers), TrustedDigests = PlaneOptions.Set(result.GetValue(trusted)),
                DriverKeys = PlaneOptions.Keys(result.GetValue(keys)), State = result.GetValue(state) ?? (Directory.Exists(DefaultState) ? DefaultState : null),
                Namespace = result.GetRequiredValue(ns), Installation = result.GetValue(installation), InstallCrds = result.GetValue(install), ObserveOnly = result.GetValue(observe),
                Core = Enum.Parse<Composition.CoreUse>(result.GetRequiredValue(core), ignoreCase: true), Webhook = webhook.Read(result), Export = export.Read(result), Projects = result.GetValue(projects),
            }, output, cancellation));
    }
}
