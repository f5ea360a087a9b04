using System.CommandLine;
using System.Reflection;
using Datum.Providers.Host.Loader;
using Datum.Providers.Resources;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Cli;

/// <summary>The <c>datum-providers</c> program's commands. Exit codes: 0 well, 1 failed with the reason on standard error, 2 wrong usage.</summary>
internal static class Commands
{
    public static RootCommand Create()
    {
        var root = new RootCommand("Runs Datum Workloads and Networks on any infrastructure platform for which a driver is in the driver volume.");
        root.Subcommands.Add(Dev());
        root.Subcommands.Add(Run());
        root.Subcommands.Add(Drivers());
        root.Subcommands.Add(PrintCrds());
        root.Subcommands.Add(Version());
        return root;
    }

    private static Command Dev()
    {
        var state = new Option<string?>("--state") { Description = "Folder that keeps the embedded plane's objects; without it they live in memory." };
        var drivers = DriversOption();
        var port = new Option<int>("--port") { Description = "Port of the embedded plane on loopback; 0 takes a free one.", DefaultValueFactory = _ => 0 };
        var kubeconfig = new Option<string>("--kubeconfig") { Description = "File that is written for kubectl once the plane listens.", DefaultValueFactory = _ => "datum-dev.kubeconfig" };
        var projects = new Option<bool>("--projects") { Description = "Give every Project and Organization a control plane of its own, under Datum Cloud's paths." };
        var tokens = new Option<string?>("--tokens") { Description = "File (YAML, mode 0600) with bearer tokens, personal access tokens and service accounts; implies --projects." };
        var observe = ObserveOption();
        var command = new Command("dev", "Runs host and embedded plane in one process, for one machine. Example: datum-providers dev --state .state --drivers artifacts/drivers --kubeconfig kc")
        {
            state, drivers, port, kubeconfig, projects, tokens, observe,
        };
        command.SetAction((result, cancellation) => DevHost.RunAsync(new DevSettings
        {
            State = result.GetValue(state), Drivers = result.GetRequiredValue(drivers), Port = result.GetValue(port),
            Kubeconfig = result.GetRequiredValue(kubeconfig), ObserveOnly = result.GetValue(observe),
            Projects = result.GetValue(projects), Tokens = result.GetValue(tokens),
        }, cancellation));
        return command;
    }

    private static Command Run()
    {
        var kubeconfig = new Option<string>("--kubeconfig") { Description = "Kubeconfig of the plane that is home and project plane at once.", Required = true };
        var context = new Option<string?>("--context") { Description = "Context in the kubeconfig; its current-context when absent." };
        var drivers = DriversOption();
        var ns = new Option<string>("--namespace") { Description = "Namespace of credentials and the lease.", DefaultValueFactory = _ => "datum-providers" };
        var installation = new Option<string?>("--installation") { Description = "1 to 16 of [a-z0-9]; derived from the plane when absent." };
        var install = new Option<bool>("--install-crds") { Description = "Install or update our kinds first." };
        var observe = ObserveOption();
        var command = new Command("run", "Runs the host against an API server. Example: datum-providers run --kubeconfig ~/.kube/config --drivers /drivers")
        {
            kubeconfig, context, drivers, ns, installation, install, observe,
        };
        command.SetAction((result, cancellation) => RunHost.RunAsync(new RunSettings
        {
            Kubeconfig = result.GetRequiredValue(kubeconfig), Context = result.GetValue(context), Drivers = result.GetRequiredValue(drivers),
            Namespace = result.GetRequiredValue(ns), Installation = result.GetValue(installation), InstallCrds = result.GetValue(install), ObserveOnly = result.GetValue(observe),
        }, cancellation));
        return command;
    }

    private static Command Drivers()
    {
        var drivers = DriversOption();
        var list = new Command("list", "Loads the drivers of a volume and says what was found. Exit code 1 when one was rejected.") { drivers };
        list.SetAction(result =>
        {
            using var logging = LoggerFactory.Create(_ => { });
            var catalog = DriverCatalog.Load(new DriverVolumeOptions { Path = result.GetRequiredValue(drivers) }, logging, TimeProvider.System);
            foreach (var driver in catalog.Drivers)
                Console.WriteLine($"{driver.Descriptor.Id}\t{driver.Descriptor.Version}\tReady\tprovider.{driver.Descriptor.LocationKey}\t{driver.Digest[..12]}");
            foreach (var rejection in catalog.Rejections)
                Console.WriteLine($"{rejection.Id ?? Path.GetFileName(rejection.Folder)}\t-\tRejected\t{rejection.Reason}\t{rejection.Message}");
            return catalog.Rejections.Count == 0 ? 0 : 1;
        });
        return new Command("drivers", "Looks at the driver volume.") { list };
    }

    private static Command PrintCrds()
    {
        var command = new Command("crds", "Prints the custom resource definitions of all kinds as YAML. Example: datum-providers crds | kubectl apply -f -");
        command.SetAction(_ =>
        {
            using var output = Console.OpenStandardOutput();
            foreach (var crd in Crds.All())
            {
                output.Write(crd.Yaml.Span.StartsWith("---"u8) ? [] : "---\n"u8);
                output.Write(crd.Yaml.Span);
                output.Write("\n"u8);
            }
            return 0;
        });
        return command;
    }

    private static Command Version()
    {
        var command = new Command("version", "Prints the versions of host and driver contract.");
        command.SetAction(_ =>
        {
            var version = typeof(Commands).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
            Console.WriteLine($"datum-providers {version}, driver contract {Contract.Version}");
            return 0;
        });
        return command;
    }

    private static Option<string> DriversOption() =>
        new("--drivers") { Description = "The driver volume: one folder for each driver.", Required = true };

    private static Option<bool> ObserveOption() =>
        new("--observe-only") { Description = "Look at platforms and report, change nothing." };
}
