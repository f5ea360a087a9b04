global using System.Collections.Immutable;
global using Datum.Providers.Sdk;
